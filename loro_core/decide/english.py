"""English: how a turn opens and asks, what an acknowledgement may not say, and the small model's prompt.

Speech recognition gives no marks and no case, so nothing here depends on them; patterns end at the end of a word.
"""

from __future__ import annotations

import re

from loro_core.decide.lexicon import ACKNOWLEDGING, ENGLISH
from loro_core.decide.rules import TurnRules, WordsRules, one_of

_WORD_ENDS = r"(?![\w-])"
_TURN_ENDS = "(?=$| *[.,!?])"
_YOU = "(?:you|u|ya|someone|somebody|anyone|anybody)"
_SUBJECT = (
    "(?:i|you|u|we|they|he|she|it|this|that|these|those|there|the|a|an|my|your|his|her|our|their|its"
    "|any|some|all|anyone|someone|everyone|anything|something|everything|people|most|both)"
)
_AUXILIARY = (
    "(?:is|are|was|were|do|does|did|should|can|could|will|would|have|has|had|am|may|might|must"
    "|isnt|arent|wasnt|werent|dont|doesnt|didnt|cant|couldnt|wont|wouldnt|hasnt|havent|shouldnt)"
)
_HOW_MUCH = "(?: so| very| really)*(?: much| a lot| a bunch| a million| a ton| again| anyway| though| indeed| kindly)*"
_COMMAND = (
    "(?:tell|show|give|turn|switch|play|pause|resume|stop|start|begin|set|call|phone|text|send|email|message|remind"
    "|wake|open|close|shut|lock|unlock|order|book|reserve|schedule|reschedule|cancel|change|add|remove|delete|put|find"
    "|search|look|check|read|write|rewrite|draft|compose|translate|explain|describe|define|summari[sz]e|list|recommend"
    "|suggest|compare|calculate|compute|count|convert|solve|fix|help|make|create|build|generate|draw|cook|bring|get"
    "|take|move|skip|repeat|say|sing|spell|teach|increase|decrease|raise|lower|dim|mute|unmute|navigate|connect"
    "|disconnect|download|upload|install|update|restart|reboot|try|transfer|forward|record|save|share|print|pick"
    "|choose|continue|go|keep|leave|speak|talk|google|correct|proofread|plan|track|pay|buy|rename|ask|lets"
    "|let me (?:know|hear|speak|talk))"
)
_ERRAND = (
    "(?:order|book|cancel|change|buy|speak|talk|return|find|get|know|schedule|reserve|make|set|send|call|pay|see|hear"
    "|check|learn|have|ask|play|add|update|report|file|track|open|close|move|pick|rent|reset|listen|watch|read|create)"
)
_PRAISE = "(?:great|good|perfect|fine|helpful|cool|nice|awesome|wonderful)"

TURNS = TurnRules(
    variants={},
    filler=one_of(
        "u+m+|u+h+|h+m+|e+r+m?|a+h+|o+h+|m+|wow",
        "well|so|okay|ok|k|alright|all right|right|yeah|yes|yep|yup|sure|no|nope|nah",
        "and|but|then|now|also|first|just|maybe|perhaps|actually|anyway|listen|i mean|i see|quick question",
        "sorry|excuse me|pardon me|my dear|my friend",
        "cool|great|perfect|awesome|wonderful|brilliant|excellent|lovely|amazing|got it|sounds good",
        f"thats (?:very |really |so )?{_PRAISE}|(?:im|we are|were) (?:good|fine|okay|ok)",
        end=_WORD_ENDS,
    ),
    greeting=one_of(
        "(?:hello+|hi+|hey+|hiya|howdy|greetings)(?: there| again| everyone| everybody| all| guys| folks| both)?",
        "(?:a )?(?:very )?good (?:morning|afternoon|evening|day)(?: to you| everyone| everybody| all)?",
        f"(?:morning|evening|afternoon|yo|sup|gday){_TURN_ENDS}",
        end=_WORD_ENDS,
    ),
    closing=one_of(
        rf"(?:many |a thousand |big )?(?:thanks|thank (?:you|u|ya)|thx|ty|cheers)(?! to\b){_HOW_MUCH}",
        "(?:good ?)?bye(?:[ -]?bye)*(?: for now| then| now)?|farewell",
        "(?:ill |i will )?(?:see|talk to|catch|speak to) (?:you|ya|u)(?: all)?"
        "(?: later| soon| tomorrow| tonight| around| then| again| next (?:time|week|month))+",
        f"(?:see (?:you|ya)|later|so long){_TURN_ENDS}",
        "good ?night(?: everyone)?",
        "have (?:yourself )?(?:a|an) (?:very )?(?:nice|good|great|lovely|wonderful|awesome)"
        "(?: rest of (?:the|your))? (?:day|one|night|evening|afternoon|weekend|time|week)",
        "take care(?! of)(?: of yourself)?",
        "(?:i think )?thats (?:all|it|everything)(?: i (?:need|needed|wanted))?(?: for (?:now|today))?",
        "(?:ive|i have) (?:got )?to go(?: now)?|(?:i )?(?:gotta|got to|must) (?:go|run)(?: now)?",
        "(?:much appreciated|(?:i )?(?:really )?appreciate (?:it|that|your help))|you too",
        "(?:(?:im|we are|were) (?:all )?(?:done|set)(?: for (?:now|today))?"
        "|nothing(?: else| more)?|no need|never ?mind)(?=$| *[.,!]| thank)",
        end=_WORD_ENDS,
    ),
    thanks=one_of(
        "(?:(?:ok|okay|oh|great|no|yes|perfect|well|and|alright|cool) ?,? )*"
        r"(?:thanks|thank you|thx|cheers|bye|goodbye)(?! to\b)",
        end=_WORD_ENDS,
    ),
    parting=re.compile(rf"\b(?:thanks|thank you|goodbye|bye){_HOW_MUCH}[.! ]*$"),
    small_talk=one_of(
        "(?:and |so )?(?:how are (?:you|u|ya)(?: doing| feeling)?|hows it going|how is it going|hows everything"
        "|how have you been|how do you do|hows your day(?: going| been)?)(?: today| tonight| this morning| lately)?",
        "(?:its )?(?:nice|good|great|lovely|pleased) to (?:meet|see|hear|talk to) (?:from )?you(?: again)?",
        "its (?:just )?me(?: again)?",
        "(?:are you|anybody|anyone|is anyone|is anybody) (?:there|home|around)",
        "(?:can|do) (?:you|anyone|anybody|someone) hear me(?: now)?",
        "long time no see|(?:whats|what is) up(?: dude| man| bro)?",
        end=r"[ .!?]*",
    ),
    name=re.compile(
        r"(?:(?:im|i am|my name is|this is|its) (?!not |so |very |the |a |an |in |on |at )(?:\w+ )?)?[^\W\d_]+"
    ),
    request=one_of(
        r"please \w+|would you mind|do you mind",
        f"(?:can|could|would|will|wont|cant|couldnt) {_YOU}"
        "(?! (?:believe|imagine|rather|be|say|prefer|swim|feel|think))",
        "i was (?:wondering|hoping) (?:if )?you (?:can|could|would)",
        "(?:can|could|may) (?:i|we) (?:please )?(?:just )?"
        "(?:get|have|order|book|speak|talk|make|cancel|change|reserve|schedule|see|hear|borrow|buy|ask)",
        "(?:id|i would|wed|we would) (?:really )?(?:like|love|prefer|appreciate)",
        f"(?:i|we) (?:want|need|wanna|have|would like)(?: you)?(?: to)? {_ERRAND}",
        "(?:i|we) (?:want|need) (?:you to|help|some|a|an|another|the|my|directions|advice|information)",
        f"(?:(?:i|we|im|were)(?: am| are)? )?(?:looking for|trying to {_ERRAND})",
        "need (?:a|an|some|help|to|the)",
        rf"{_COMMAND}(?! {_AUXILIARY}\b)",
        "dont (?:forget|tell|play|call|turn|send|stop|say|let|ask|use|change|delete|open|close)",
        "do (?:not|it|that|this|the|my|some)|make sure|be (?:quiet|careful|brief|honest|nice)",
        "remember (?:to|that|my)",
        end=_WORD_ENDS,
    ),
    question=one_of(
        "what (?:if|about)|what(?! (?:a|an|i|we|they|he|she|you) (?!doing|up to))(?:s|re|d|ll)?",
        r"how(?! (?:i|we|they|he|she|nice|lovely|sweet|cute|wonderful|awful|sad|funny|dare|interesting)\b)(?:s|d|re)?",
        "why(?:s|d)?|who(?:s|m|se|d|ll)?(?! cares)|which(?! (?:is why|means|was why))",
        r"where(?:s|d|re)?(?! (?:i|we|they|he|she)\b)",
        r"when(?:s|d)?(?! (?:i|we|they|he|she|you|it|the|my|a)\b)",
        "(?:is|are|does|did|isnt|arent|wasnt|werent|doesnt|didnt|hasnt|havent|shouldnt|wouldnt|am i)"
        r"(?! (?:great|good|fine|nothing)\b) \w+",
        "(?:am|was|were|do|have|has|had|will|would|could|can|may|might|must|should|dont|cant|couldnt|wont|shall) "
        + _SUBJECT,
        "any (?:idea|chance|news|updates?|suggestions?|recommendations?|advice|plans)",
        "i wonder|(?:im|i was|i am) (?:just )?wondering|(?:to|at|in|for|from|with|of|by) (?:what|which|whom)",
        end=_WORD_ENDS,
    ),
    question_inside=one_of(
        # "what should i", "what time is it", but not "(I know) what you did": no subject stands before the auxiliary.
        r"\b(?:what|how|why|where|when|who|which)(?:s|re)? "
        r"(?:(?!(?:i|you|we|they|he|she|it|that|this|the|a)\b)\w+ ){0,2}"
        + _AUXILIARY
        + r" (?:i|you|we|they|he|she|it|this|that|there|the|my|your|a|an)\b",
        r"\b(?:isnt it|arent you|doesnt it|dont you|dont they|wasnt it|right or wrong|or not)$",
        r"\b(?:what|how) about\b",
    ),
    request_inside=one_of(
        r"\bplease$",
        rf"\b(?:can|could|would|will) you (?:please |just |also )?{_COMMAND}\b",
        rf"\bplease {_COMMAND}\b|\bi need (?:you to|help)\b",
    ),
    clause=re.compile(r"[.!?;:,…]+(?=\s|$)|\n"),
)

WORDS = WordsRules(
    variants={},
    spaced=True,
    full_stop=".",
    comma=",",
    filler=one_of("u+m+|u+h+|h+m+|a+h+|o+h+|m+|well|so|okay|ok|alright|all right|now|and|but|got it", end=_WORD_ENDS),
    yes_no=one_of(
        "yes|yeah|yea|yep|yup|no|nope|nah|not|never|sure|surely|certainly|of course|absolutely|definitely|indeed",
        "correct|exactly|true|false|agreed|right you are|no problem|sounds good",
        "(?:thats|youre|you are) (?:right|correct|true|wrong)",
        "i (?:do|dont(?! know)|am|agree|disagree|believe|guess|suppose|think so)|probably|maybe|perhaps|possibly",
        end=_WORD_ENDS,
    ),
    question=one_of(
        "(?:what|how|why|where|when|who|which)(?:s|re)?(?! a )|(?:is|are|do|does|did|can|could|would|will|should|have) "
        + _SUBJECT,
        end=_WORD_ENDS,
    ),
    promise=one_of(
        r"\b(?:seconds?|secs?|minutes?|mins?|moments?|hours?|shortly|soon|right (?:back|away)|in a (?:bit|while)",
        "wait|hold on|hang on|bear with|promise|guarantee|immediately|instantly|at once|any time now",
        "i will|ill|we will|well have|i shall|im going to|going to|gonna|will be|wont",
        r"(?<!what )(?<!how )(?:i|we) can|no problem|consider it done|done)\b",
    ),
    refusal=re.compile(
        r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|afraid|cannot|cant|unable|couldnt|wouldnt|dont know|not sure"
        r"|as an ai|language model|assistant)\b"
    ),
    claim=re.compile(r"\b(?:is|are|was|were|has|had|its|theres|heres|isnt|arent|wasnt|means|became)\b"),
    acknowledges=re.compile(
        r"\b(?:let me|let us|lets|h+m+|okay|ok|alright|all right|right|got it|i see|i hear|i understand"
        r"|understood|noted|looking|checking|thinking|listening|im with you|im following"
        r"|good question|great question|interesting|hello|hi|hey"
        r"|good (?:morning|afternoon|evening|day|night)|welcome|thanks|thank you|pleasure|happy to"
        r"|glad|lovely|bye|goodbye|take (?:good )?care|anytime|youre welcome|kind of you|well|so|ah|oh|sure thing)\b"
    ),
    vocabulary=ENGLISH | ACKNOWLEDGING,
)

PROMPT = """\
You are the first voice of a spoken assistant. The user has just spoken, and a colleague is preparing the answer. \
Say one short acknowledgement in the user's language, three to eight words, that shows you have heard \
what it is about, for example: Let me have a look at that.
If the user only greets, greet back; if the user thanks or leaves, be gracious.
Never answer, agree, refuse, promise or ask anything. No yes or no, no numbers, no times, no new names or facts.
Write only the words to be spoken, on one line, without quotation marks."""
"""System prompt of the acknowledging model for English users, and for users whose language has no prompt of its own."""
