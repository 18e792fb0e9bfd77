"""Where the sentence splitters of two voice clients see a sentence end.

Both were observed, over thousands of texts, in the installed packages: sentencex 1.0 as Pipecat uses it, and BlingFire
as LiveKit uses it. What is written here is what they do, right or wrong. The suite in tests/voice runs them again and
prints in how many texts of which kind this module agrees.

The abbreviations are titles, units, names of months and the everyday words that were found to be taken for some. What
is left out is rare in speech: other abbreviations, numbered lists, references, quotations that hold a sentence, and
sentencex's rules for languages other than English, which is what Pipecat uses unless its user names a language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LOOKED_BACK_CHARACTERS = 40
"""No abbreviation is longer."""

# --- sentencex ---------------------------------------------------------------------------------------------------

# Marks that end a sentence wherever they stand; "…", ";" and "；" do not.
_SENTENCEX_END = re.compile("[.!?։؟۔।॥။።፧！．？。｡﹒﹖﹗‼‽⁇⁈⁉]+")

# A full stop after one of these ends no sentence unless a word of `_OPENERS` follows. Compared in small letters; any
# single letter counts too. Everyday words among them are the traps: "leave it to me. So," is held until the space.
_SENTENCEX_ABBREVIATIONS = _words("""
    al ala apr arc ark art asst aug ave blvd bros btw ca cal capt co col con corp cpl ct dc dec del dept dist dr esp
    etc exec exp ext feb fed fig fr ga gen gov hon hr ia id ie eg ill inc ing jan jr jul jun ken ky la loc lt ltd maj
    mar may me med mich min miss mm mo mont mr mrs ms mt no nos nov oct ok ore pa pg ph pl pp pres prof que rd ref reg
    rep res rev sc sec sen sep sept sgt sr st supt tex univ ut va ver vs vt wis wy
""")

_OPENERS = _words("""
    About Actually After Again All Also Although An And Another Any Anyway Are As At Because Before Both But By Can
    Could Did Do Does Don't Even Every Everyone Finally First For From Great Had Has Have He Her Here His How However
    If In Indeed Instead Is It Its Just Last Let Like Many Maybe Meanwhile More Most Much My Never Next No None Not
    Nothing Now Of Often On Once One Only Or Other Our Over Perhaps Please Right See She Should Since So Some Sometimes
    Soon Still Such Take That The Their Then There Therefore These They This Those Three Through Thus To Today Two
    Under Unfortunately Until Using We Well What When Where Whether Which While Who Why Will With Without Would Yes Yet
    You Your
""")
"""Words that open sentences, in both splitters' lists. Neither list holds "I"."""

_LAST_WORD = re.compile(r"[^\s.]+\Z")
_OPENING_MARKS = "\"'“‘«‹„([{<"
_FIRST_WORD = re.compile(r"\s*([^\W\d_][^\W\d_']*)")
_GOES_ON = re.compile(r"[0-9a-z]|\s*,")
_GOES_ON_IN_SMALL = re.compile(r"\s*[0-9a-z]")
_GOES_ON_AFTER_SEVERAL = re.compile(r"\s*(?:[0-9a-z]|I(?![^\W_]))")
_CLOSES = re.compile(r"\s*[\"'”“»«`’」]")
_ENCLOSED = re.compile(
    r"\"[^\"]*\"|“[^”]*”|«[^»]*»|‘[^’]*’|「[^」]*」|《[^》]*》|(?<!\w)'(?=\w)[^']*'(?!\w)|(?<!\w)`(?=\w)[^`]*`(?!\w)"
    r"|[(（\[{<][^)）\]}>]*[)）\]}>]"
)
_BRACKETS = "(（[{<"
_PARAGRAPH = re.compile(r"(?<=\S)\s*\n\r*\n")

_ALWAYS = "。？！．｡；।॥؟؛۔"
"""Marks at which Pipecat ends a sentence even where sentencex sees none, such as before a small Latin letter."""


def sentencex_end(text: str) -> int:
    """Return how long the first sentence of `text` is, 0 if it is not seen to be over.

    text: with something visible after the sentence's end; a mark at the very end of it decides nothing.
    """
    paragraph = _PARAGRAPH.search(text)
    limit = paragraph.start() if paragraph else len(text)
    enclosed = [match.span() for match in _ENCLOSED.finditer(text, 0, limit)]
    for run in _SENTENCEX_END.finditer(text, 0, limit):
        end = _sentence_end(text[:limit], run, enclosed)
        if end:
            return end
    if paragraph:
        return limit
    return next((at + 1 for at, mark in enumerate(text) if mark in _ALWAYS), 0)


def _sentence_end(text: str, run: re.Match[str], enclosed: list[tuple[int, int]]) -> int:
    """Return where the sentence that the marks `run` may end is over, 0 if it does not end there."""
    end = run.end()
    if _is_abbreviation(text, run) or _GOES_ON.match(text, end):
        return 0
    if len(run.group()) > 1 and _GOES_ON_AFTER_SEVERAL.match(text, end):
        return 0
    around = next((span for span in enclosed if span[0] < end < span[1]), None)
    if around is None:
        closing = _CLOSES.match(text, end)
        # A quotation mark that closes nothing is taken into the sentence.
        if closing and not any(start < closing.end() <= stop for start, stop in enclosed):
            end = closing.end()
    else:
        if text[around[0]] in _BRACKETS or end != around[1] - 1 or _GOES_ON_IN_SMALL.match(text, around[1]):
            return 0
        end = around[1]
    return end if text[end:].strip() else 0


def _is_abbreviation(text: str, run: re.Match[str]) -> bool:
    if run.group() != ".":
        return False
    word = _LAST_WORD.search(text[max(0, run.start() - _LOOKED_BACK_CHARACTERS) : run.start()])
    if word is None:
        return False
    said = word.group().lstrip(_OPENING_MARKS)
    if not (len(said) == 1 and said.isascii() and said.isalpha()) and said.casefold() not in _SENTENCEX_ABBREVIATIONS:
        return False
    following = _FIRST_WORD.match(text, run.end())
    return following is None or following.group(1) not in _OPENERS


# --- BlingFire ---------------------------------------------------------------------------------------------------

_BLINGFIRE_MARK = re.compile("[。？！\u2028\u2029]|[.!?ǃ۔؟․…‼‽⁈⁉﹒．｡]")
_DANDA = re.compile(r"[।॥][\"'”’»)]*(?=\s)")
_TERMINAL = frozenset(".!?ǃ۔؟․…‼‽⁈⁉﹒．｡")
_ALWAYS_TERMINAL = frozenset("。？！\u2028\u2029")

# As above; these are compared as they are written, since the splitter's list is so.
_BLINGFIRE_ABBREVIATIONS = _words("""
    ac al Ala Am An an And Approx approx Apr Ark Arm Aug aug Ave ave Cal cal Can Capt Card Ch ch Chap chap Char char
    Chem chem Cm cm Co co Col col Con Cont cont Coop Cop cop Cor cor Corp corp Cpl Crit crit Ct ct Dec dec Def def Del
    del Den Dept dept Dev dev Dis dis Div div Doc doc dom Dom Dr dr Ed ed Eds eds Elem elem Elev elev Enc enc Eng eng
    eq Esp esp Est est Etc etc Exp exp Ext ext Fam fam Far Feb Fem fem Fig fig Fin Fol fol Freq freq Fri Ft ft Ga ga
    Gal Gen gen Gov gov guar Guar Hab hab Hist hist Hon Hr hr Ia Id Ill in Inc inc Inst inst Int int Inv inv Is It Jan
    Jr jr Jul jun Jun Km km Ky La Lab Lang lang Lat lat Lb lbs Lbs lb Lib Lim lim ll Lith lith Loc loc Lt lt Ltd ltd
    Mad Mag mag Maj Man Mar Mass Md Me Mer mer mi Mich Mid mid Min min Miss MM mm Mol mol Mon mon Mont Mph mph Mr Mrs
    Ms MS Mt mt Mus mus Nat nat Ne ne Neg neg No no Nom nom Nos nos Nov Num num Obs obs Occ occ Oct oct Opp opp Opt opt
    Orch orch Ore Org org Orig orig oz Pa Pal Par par Per per Pet Pg pg Phon phon Phys phys Pl pl pm Pos pos Poss poss
    PP Pp pp Pref pref Pres pres Prev prev Prin prin Prob prob Proc proc Prof prof Prot Prov prov Pseud pseud Publ publ
    Qual qual Quot quot Rad rad Rec rec Recd recd Ref ref Refl refl Reg reg Rel rel Rem rem Rep rep Repl repl Req req
    Res res Resp resp Ret ret Rev rev Rom rom Sat Sax Sc sc Sch sch sd Sec sec Sect sect Sel sel Sen sen Sep sep Sept
    Ser ser Sess sess Sgt Soc soc Sol sol Som Soph soph Span Spec spec Spr spr Sr sr St st Stat stat Str str Subj subj
    Suf suf Sun Surg surg Sym sym Syn syn Syst syst Tab tab Tech tech Tel tel Tex Theat theat Thur Thurs Tit tn Trans
    trans Treas treas Trib trib Trop trop Tues Typ typ Ult ult Univ univ Ut Util util Va Val val Var var Veg veg Ver
    ver Vic vic Vil vil Vis vis Voc voc Vol vol Vs vs Vt Wash Wed Wis yd
""")
_ABBREVIATION = re.compile(r"(?:\A|(?<=[\W_]))([^\W\d_]+)\.\Z")
# Two words of up to four letters with a full stop each pass for an abbreviation: "I see that. Okay. Now" is no break
# after "that".
_SHORT_WORDS = re.compile(r"(?:\A|(?<=[\W_]))(?:[^\W\d_]{1,4}\.\s?)+[^\W\d_]{1,4}\.(?=[\W_])")


def blingfire_ends(text: str) -> Iterator[int]:
    """Yield where sentences of `text` end, in order; the end of the text itself is not among them."""
    done = 0
    rows = [match.span() for match in _SHORT_WORDS.finditer(text)]
    dandas = [match.end() for match in _DANDA.finditer(text)]
    for match in _BLINGFIRE_MARK.finditer(text):
        while dandas and dandas[0] <= match.start():
            yield dandas.pop(0)
        if match.start() < done:
            continue
        end = match.end() if match.group() in _ALWAYS_TERMINAL else _terminal_end(text, match.start(), rows)
        if end and end < len(text):
            done = end
            yield end
    yield from dandas


def _terminal_end(text: str, start: int, rows: list[tuple[int, int]]) -> int:
    """Return where the sentence that a mark at `start` may end is over, 0 if it does not end there."""
    after = start + 1
    while after < len(text) and (text[after].isspace() or _is_punctuation(text[after])):
        after += 1
    between = text[start + 1 : after]
    if after < len(text) and not _breaks(text, between, after):
        return 0
    if _is_abbreviated(text, start, after, rows) or between.startswith((",", " ,")):
        return 0
    end = start + 1
    while True:
        while end < len(text) and _is_punctuation(text[end]):
            end += 1
        further = end
        while further < after and text[further].isspace():
            further += 1
        if further == end or further >= after or text[further] not in _TERMINAL:
            return end
        end = further


def _breaks(text: str, between: str, after: int) -> bool:
    """Return whether a new sentence begins at `after`, with only marks and white space between."""
    if re.match(r"\"\s", between):
        return True
    if not between or not (between[0].isspace() or between[-1].isspace()):
        return False
    return _may_open(text[after]) or bool(re.match(r"\s+[¿¡]", between))


# BlingFire does not take these capitals for such; Ä, Ö and Ü it does. "Un moment. À" waits for the next sentence end.
_NO_OPENERS = frozenset("ÀÁÂÃÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÙÚÛ")


def _may_open(char: str) -> bool:
    return unicodedata.category(char) in ("Lu", "Lt", "Lo") and char not in _NO_OPENERS


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def _is_abbreviated(text: str, stop: int, after: int, rows: list[tuple[int, int]]) -> bool:
    """Return whether the mark at `stop` belongs to an abbreviation that goes on at `after`."""
    if text[stop] != "." or after == stop + 1:
        return False
    row = next((end for start, end in rows if start < stop < end), None)
    if row is not None and stop < row - 1:
        return True
    word = _ABBREVIATION.search(text[max(0, stop - _LOOKED_BACK_CHARACTERS) : stop + 1])
    if word is None:
        return False
    said = word.group(1)
    single = len(said) == 1 and said.isascii() and said.isupper()
    if not (row or single or said in _BLINGFIRE_ABBREVIATIONS):
        return False
    following = _FIRST_WORD.match(text, after)
    if following is None or following.group(1) not in _OPENERS or following.end() == len(text):
        return True
    return not (text[following.end()].isspace() or _is_punctuation(text[following.end()]))
