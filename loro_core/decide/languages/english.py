"""English: how a turn opens and asks, what an acknowledgement may not say, and the small model's prompt.

Speech recognition gives no marks and no case, so nothing here depends on them; patterns end at the end of a word.
"""

from __future__ import annotations

from loro_core.decide.lexicon import ACKNOWLEDGING, ENGLISH
from loro_core.decide.rules import Language, Pattern, TurnRules, WordsRules, one_of, word

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
    "|choose|continue|go|keep|leave|speak|talk|google|walk me through|talk me through|correct|proofread|plan|track|"
    "pay|buy|rename|ask|lets"
    "|let me (?:know|hear|speak|talk))"
)
_ERRAND = (
    "(?:order|book|cancel|change|buy|speak|talk|return|find|get|know|schedule|reserve|make|set|send|call|pay|see|hear"
    "|check|learn|have|ask|play|add|update|report|file|track|open|close|move|pick|rent|reset|listen|watch|read|create)"
)
_LOOK = "(?:find|check|search|look|locate|track|see if|find out|pull up|bring up)"
_LIVE = (
    "(?:weather|forecasts?|temperature|humidity|orders?|packages?|parcels?|deliver(?:y|ies)|shipments?|"
    "tracking|appointments?|meetings?|calendar|schedule|reservations?"
    "|bookings?|balance|accounts?|bills?|invoices?|flights?|trains?|bus(?:es)?|taxi|traffic|news|headlines|"
    "scores?|stocks?|shares?|price[sd]?|costs?|fare|rates?|tickets?"
    "|opening hours|hours|emails?|messages?|results?|pharmacy|pharmacies|restaurants?|hotels?|doctors?|"
    "plumber|parking|atm|refund|subscription|plan|time is it|the time|exchange rate"
    "|how much is)"
)
_NUMBER = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty)"
_ORDINAL = "(?:first|second|third|fourth|fifth|last|next|other|former|latter|1st|2nd|3rd)"
_QUALITY = (
    "(?:red|blue|green|black|white|yellow|pink|grey|gray|brown|orange|small|medium|large|big|bigger|biggest|"
    "smaller|smallest|cheap|cheaper|cheapest|expensive"
    "|early|earlier|earliest|late|later|latest|left|right|top|bottom|middle|same|new|newer|old|older|long|"
    "short|hot|cold|faster|fastest|regular|morning|afternoon|evening|window|aisle|corner|front|back)"
)
_KIN = (
    "(?:(?:grand|step)?(?:mother|father|mum|mom|dad|son|daughter|parents?|child|ma|pa)|mommy|daddy|nan|"
    "granny|grandpa|grandma|brother|sister|wife|husband|partner|uncle"
    "|aunt|cousin|baby|best friend|fiance|girlfriend|boyfriend|boss)"
)
_PRAISE = "(?:great|good|perfect|fine|helpful|cool|nice|awesome|wonderful)"

_TURNS = TurnRules(
    variants={},
    filler=one_of(
        "u+m+|u+h+(?:[- ]?h+u+h+)?|h+m+|e+r+m?|a+h+|o+h+|m+(?:[- ]?h+m+)?|wow",
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
        r"(?:thats me|(?:im|were) all) (?:sorted|done|set)|ta(?: very much| muchly| love| mate)?(?=$| *[.,!])",
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
    parting=Pattern(rf"\b(?:thanks|thank you|goodbye|bye){_HOW_MUCH}[.! ]*$"),
    small_talk=one_of(
        r"(?:good )?(?:morning|afternoon|evening)?,? ?how (?:are )?(?:you|ya|u|things|we) (?:doing|"
        r"keeping|going|getting on)(?: today| tonight| lately)?",
        "(?:and |so )?(?:how are (?:you|u|ya)(?: doing| feeling)?|hows it going|how is it going|hows everything"
        "|how have you been|how do you do|hows your day(?: going| been)?)(?: today| tonight| this morning| lately)?",
        "(?:its )?(?:nice|good|great|lovely|pleased) to (?:meet|see|hear|talk to) (?:from )?you(?: again)?",
        "its (?:just )?me(?: again)?",
        "(?:are you|anybody|anyone|is anyone|is anybody) (?:there|home|around)",
        "(?:can|do) (?:you|anyone|anybody|someone) hear me(?: now)?",
        "long time no see|(?:whats|what is) up(?: dude| man| bro)?",
        end=r"[ .!?]*",
    ),
    name=Pattern(
        r"(?:(?:im|i am|my name is|this is|its) (?!not |so |very |the |a |an |in |on |at )(?:\w+ )?)?[^\W\d_]+"
    ),
    request=one_of(
        r"please \w+|would you mind|do you mind",
        f"(?:can|could|would|will|wont|cant|couldnt) {_YOU}"
        "(?! (?:believe|imagine|rather|be|say|prefer|swim|feel|think))",
        "i was (?:wondering|hoping) (?:if )?you (?:can|could|would)",
        "(?:can|could|may) (?:i|we) (?:please )?(?:just )?"
        "(?:get|have|order|book|speak|talk|make|cancel|change|move|reschedule|reserve|schedule|see|hear|borrow|buy|"
        "ask)",
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
        r"(?:do|does|did) (?!the\b|an?\b|it\b|this|that|these|those|me\b|my\b|your\b|not\b|all\b|some|"
        r"something|nothing|more\b|less\b|whatever|so\b|as\b|\w+ing\b)\w+ (?!of\b|for\b|to\b|with\b|"
        r"on\b|in\b|at\b|and\b|again\b|please\b|now\b|first\b)\w+",
        r"(?:can|could|will|would|should) (?!you\b|u\b|ya\b|we\b|someone|somebody|\w+ss\b)\w+s \w+",
        "what (?:if|about)|what(?! (?:a|an|i|we|they|he|she|you) (?!doing|up to))(?:s|re|d|ll)?",
        r"how(?! (?:i|we|they|he|she|nice|lovely|sweet|cute|wonderful|awful|sad|funny|dare|interesting)\b)(?:s|"
        r"d|re)?",
        "why(?:s|d)?|who(?:s|m|se|d|ll)?(?! cares)|which(?! (?:is why|means|was why))",
        r"where(?:s|d|re)?(?! (?:i|we|they|he|she)\b)",
        r"when(?:s|d)?(?! (?:i|we|they|he|she|you|it|the|my|a)\b)",
        "(?:is|are|does|did|isnt|arent|wasnt|werent|doesnt|didnt|hasnt|havent|shouldnt|wouldnt|am i)"
        r"(?! (?:great|good|fine|nothing)\b) \w+",
        "(?:am|was|were|do|have|has|had|will|would|could|can|may|might|must|should|dont|cant|couldnt|wont|shall) "
        + _SUBJECT,
        "(?:was|were|has|had) \\w+ (?:born|made|built|invented|married|ever|really|always|in|from)",
        "any \\w+ (?:to|from|near|in|for|around|left|tonight|today|tomorrow)|any (?:idea|chance|news|updates?|"
        "suggestions?|recommendations?|advice|plans)",
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
    explain=word(
        "why(?! (?:not|dont you (?:just|go)))|how come|how (?:do|does|did|can|could|should|would|to|might)"
        " (?!you do$)\\w+"
        "|how (?:is|are|was|were) (?:\\w+ ){1,4}(?:made|done|formed|built|calculated|born)|how (?:\\w+ ){1,2}works?",
        "(?:whats|what is|tell me|explain) (?:me )?the (?:difference|reason|idea|point|story)(?: behind)?|"
        "what (?:do|does|did) "
        "(?:\\w+ ){1,5}mean|whats the meaning|what causes|what makes",
        "explain|describe|teach|walk me through|talk me through|show me how|help me understand|in simple terms"
        "|step by step|compare|pros and cons",
    ),
    seek=word(
        f"{_LOOK}(?: up| for| into| out)?(?: me| my| the| a| an| some| if| whether| what| when| where| us| another)"
        f"|{_LOOK} {_LIVE}|look up|tell (?:me|us) (?:when|where|if|what time)|google|search(?: for)?",
        "(?:tell|show|give|get|read) (?:me|us) (?:(?:the|my|a|some|any|todays|tomorrows|what|when|where)"
        " )*(?:\\w+ ){0,2}"
        f"(?:{_LIVE}|time|number)|navigate|directions",
        "what(?:s| is) (?:the|my)|get the (?:\\w+ )?number",
    ),
    live=word(
        _LIVE,
        "how (?:much|far|late|long) (?:is|are|does|do|will|would|until|till|to|it)|how much|what time|when"
        " (?:is|are|does|do|will|can)"
        "|open|close[sd]?|near(?:by|est| me| here)|closest|around here|rain|raining|snow|snowing|sunny|"
        "arrive|arriving|leave|leaves"
        "|delayed|on time|in stock|sold out|latest|still on",
        "wheres? (?:is |are )?(?:my|the (?:nearest|closest|next)|a|an)",
    ),
    choice=one_of(
        f"(?:(?:i think |id like |ill (?:have|take|go (?:for|with)) |give me |make it |lets (?:go with|take|"
        f"say) |i want "
        f"|i prefer |rather |just |maybe |definitely )*(?:the |a |an |that |this )*(?:(?:seat|table|room|"
        f"one)(?= (?:on|at|in|from|by|with) )|{_ORDINAL}|{_QUALITY})"
        f"(?: (?:and|or) (?:the )?(?:{_ORDINAL}|{_QUALITY}))?(?: (?:one|ones|option|choice|time|slot|size|room|seat))?"
        "(?: (?:on|at|to|in|from|by) the (?:left|right|top|bottom|middle|end|list|window|front|"
        "back))?(?: with(?:out)? (?:\\w+ ?){1,3})?)(?: please| then| thanks|"
        " thank you)?",
        f"(?:(?:option|number|size|answer|choice) )?(?:[0-9]+|[a-e]|{_NUMBER})(?: please)?|both(?: of them)?|"
        f"either(?: one| is fine)?"
        "|neither|all of them|none of them|any of them",
        f"(?:for |on |at |in )?(?:{_NUMBER}|[0-9]+)(?: (?:people|persons|adults|guests|nights|days|oclock|am|"
        f"pm|in the (?:morning|evening"
        f"|afternoon)))?(?: (?:on|at|for|from|in) (?:\\w+ ?){{1,3}})?",
        "my name is(?: \\w+){1,3}|(?:its )?spelled .{1,60}|(?:on |next |this )?(?:mon|tues|wednes|thurs|fri|"
        "satur|sun)day(?: (?:morning"
        "|afternoon|evening|at \\w+))?",
        end=r"[ .!,]*$",
    ),
    correction=one_of(
        r"^(?:yeah |oh |no |nope |wait |sorry |hang on |hold on |well )+(?:not |no )?i (?:meant|mean|"
        r"said)\b|^(?:make|change) (?:that|it) (?:to )?\w+ (?:instead|rather|not)\b|\binstead of \w+$",
        "^(?:no+|sorry)[, ]+i (?:wanted|asked)|(?:^|no |sorry |actually |but |, |[.] )i (?:actually |"
        "really )?(?:said|meant|mean|was talking about|"
        "asked (?:for|about)) (?!it|that i|to say)\\w",
        "^(?:no+|nope|sorry|wait)[, ]+(?:no+[, ]+)?(?:not |thats not|that isnt|its not|it isnt|i (?:said|"
        "meant)|actually|the other|wrong|it was|its (?!ok|okay|fine|all))",
        "^actually[, ]+(?:no|its|it is|it was|i (?:meant|want|need)|make (?:it|that)|the)|^correction\\b|"
        "\\bcorrect that\\b",
        "thats? (?:is |was )?(?:not (?:what i|right|correct|my)|wrong)|thats not what|youre wrong|you"
        " (?:misunderstood|got (?:that|it|me) wrong|misheard)"
        "|not what i (?:meant|said|asked)|that(?:s| is) incorrect|(?<!\\w)wrong (?:one|number|address|name|"
        "day|date|person)$",
    ),
    complaint=word(
        r"its been (?:\w+ ){1,4}and (?:no one|nobody|nothing|still|i still|youve|you have|theres)|"
        r"(?:no one|nobody|not (?:one|a single) person) (?:has |have |had |even |ever )+(?:bothered|"
        r"called|rung|replied|answered|come|turned|shown|got back|contacted)|(?:been|was|got|were) (?:charged|"
        r"billed|debited) (?:twice|double|again)|(?:ordered|bought|paid|booked|requested|reported) .{0,20}\b(?:ago"
        r"|since) (?:and|but) (?:still|nothing|i havent|its not|no)|(?:down|out|off|dead) (?:again|"
        r"since (?:last|yesterday|this|\w+day))",
        "ridiculous|unacceptable|outrageous|disgrace(?:ful)?|fed up|sick of (?:this|waiting|your)|appalling|"
        "useless|a joke(?= )"
        "|rip(?: |-)?off|scam(?:med)?|complain(?:t)?(?: about)?|furious|disgusting|pathetic",
        "(?:terrible|awful|horrible|worst|bad|poor|lousy) (?:customer )?(?:service|support|experience|company|quality)"
        "|(?:service|support|quality|food|app) (?:is|was|has been) (?:so |really |very )?(?:terrible|awful|"
        "horrible|bad|poor|rude|the worst)",
        "(?:ive|i have|weve|we have) been (?:on hold|waiting)(?: \\w+){0,2} (?:for|since)|nobody (?:ever"
        " )?(?:\\w+ )?(?:answer|call|respon|repl|help|care|pick)\\w*"
        "|no one (?:ever )?(?:\\w+ )?(?:answer|call|respon|repl|help|care|pick)\\w*|still waiting",
        "(?:hasnt|havent|has not|still not|never|didnt)(?: even)?(?: \\w+)? (?:arrived?|came|come|worked|been"
        " (?:delivered|fixed|refunded|paid)|showed? up)",
        "(?:has|have) been (?:down|broken|out|off) (?:since|for|all)|(?:doesnt|dont|wont|isnt|stopped)"
        " (?:even )?(?:work|working|turn on|connect|load)"
        "|(?:is|its|keeps|arrived|came) (?:broken|crashing|damaged|freezing|defective)|nothing happen(?:s|ed)|"
        "keeps? (?:\\w+ )?(?:crash|drop|disconnect|stop|freez|fail|cutting)\\w*|lost everything|(?:sent|gave|charged|"
        "delivered|brought) (?:me|us) the wrong|(?:is|are) (?:lost|missing)|never (?:answers?|answered|calls?|"
        "arrives?)|crashe[sd]"
        "|(?:charged|billed) me (?:twice|again|double|for)|(?:bill|address|order|charge|invoice|amount) is"
        " (?:all )?wrong",
    ),
    grave=word(
        r"(?:months?|weeks?|days?) (?:left )?to live(?! (?:in|here|with|at|on|there|together)\b)|terminally ill|"
        r"(?:isnt|wont|not) going to make it|in (?:a |the )?hospice|palliative care",
        r"in (?:a |the )?hospice|palliative care",
        f"(?:{_KIN}|she|he|they|friend|neighbou?r|colleague|dog|cat)(?: \\w+){{0,2}} (?:died|passed away|"
        f"passed (?:this|last|yesterday)|has died|is dying"
        "|is dead|was killed|got killed|committed suicide|killed (?:himself|herself))",
        f"(?:lost|losing|buried|burying) (?:my|our|the) (?:{_KIN}|baby|friend|dog|cat)|(?:death|loss|funeral)"
        f" of (?:my|our|his|her)"
        "|(?:his|her|my|our|the) funeral(?! march)|funeral (?:for|home)|miscarriage|stillborn|in (?:a )?hospice|"
        "(?:mother|father|mum|mom|dad|wife|husband|son"
        "|daughter|brother|sister|grandmother|grandfather)s (?:funeral|death)",
        "(?:diagnosed with|i have|ive got|has|got|have) (?:(?:terminal|stage \\w+|breast|lung|brain|skin|a)"
        " )*(?:cancer|tumou?r|leuk(?:a)?emia|dementia|alzheimers)"
        "|terminally ill|wont make it|(?:had|having) a stroke and|life support|months to live|was (?:raped|assaulted|"
        "molested)|(?:he|she|my husband|my wife|my"
        " boyfriend|my dad) (?:hits|beats|hit|abuses) me",
    ),
    urgent=word(
        "(?:kill|killing|hurt|hurting|harm|harming|cut|cutting) myself|suicid(?:e|al)(?! (?:squad|rate|"
        "prevention statistics))|end (?:my life|it all)|want to die|wanna die"
        "|(?:dont|do not|no longer) want to (?:live|be alive|be here|exist|wake up)|better off (?:dead|"
        "without me)|self[ -]?harm|no reason to live",
        "(?:call|need|get|send)(?: me| us| for)? (?:an? )?(?:ambulance|paramedics?|the police|nine one one|"
        "911|112|999)|(?:not|stopped|cant|cannot|isnt|is not) breath(?:e|ing)"
        "|unconscious|heart attack|having a stroke|overdos(?:e|ed|ing)|(?:is|im|hes|shes|was) choking|"
        "bleeding (?:out|a lot|badly|heavily)|having a seizure|collapsed(?! in price)",
        "(?:theres|there is|is on|on|caught) (?:a )?fire (?:in|at|here|next)|house is on fire|smell(?:s)?"
        " gas|gas leak|someone (?:is )?(?:broke|breaking) in|(?:has|with) a (?:gun|knife)"
        "|being (?:attacked|followed)|this is an emergency|its an emergency|help me now|swallowed (?:bleach|"
        "poison|pills|a battery)|took too many pills",
    ),
)

_WORDS = WordsRules(
    variants={},
    writing="words",
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
    refusal=Pattern(
        r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|afraid|cannot|cant|unable|couldnt|wouldnt|dont know|not sure"
        r"|as an ai|language model|assistant)\b"
    ),
    claim=Pattern(r"\b(?:is|are|was|were|has|had|its|theres|heres|isnt|arent|wasnt|means|became)\b"),
    acknowledges=Pattern(
        r"\b(?:let me|let us|lets|h+m+|okay|ok|alright|all right|right|got it|i see|i hear|i understand"
        r"|understood|noted|looking|checking|thinking|listening|im with you|im following"
        r"|good question|great question|interesting|hello|hi|hey"
        r"|good (?:morning|afternoon|evening|day|night)|welcome|thanks|thank you|pleasure|happy to"
        r"|glad|lovely|bye|goodbye|take (?:good )?care|anytime|youre welcome|kind of you|well|so|ah|oh|sure thing)\b"
    ),
    vocabulary=ENGLISH | ACKNOWLEDGING,
)

LANGUAGE = Language(
    turns=_TURNS,
    words=_WORDS,
    last_reply="The last reply began like this; begin differently:",
    prompt="""\
You are the first voice of a spoken assistant. The user has just spoken, and a colleague is preparing the answer. \
Say one short acknowledgement in the user's language, three to eight words, that shows you have heard \
what it is about, for example: Let me have a look at that.
If the user only greets, greet back; if the user thanks or leaves, be gracious.
Never answer, agree, refuse, promise or ask anything. No yes or no, no numbers, no times, no new names or facts.
Write only the words to be spoken, on one line, without quotation marks.""",
)
