"""German: how a turn opens and asks, what an acknowledgement may not say, and the small model's prompt.

Folding the case has made "ß" into "ss". The verb may stand at the end ("kannst du mir bitte das Licht ausmachen").
"""

from __future__ import annotations

from loro_core.decide.rules import Language, Pattern, TurnRules, WordsRules, one_of, word, words_of

_LIVE = (
    r"(?:wetter|temperatur|vorhersage|bestellung(?:en)?|paket|päckchen|lieferung|sendung|termin(?:e)?(?! (?:haben|"
    r"machen|vereinbaren))|besprechung|meeting|kalender|reservierung|buchung|kontostand|konto|rechnung|flug|flüge|"
    r"zug|züge|bus|busse|bahn|s-bahn|u-bahn|taxi|verkehr|stau|nachrichten|ergebnis(?:se)?|spielstand|"
    r"aktien?(?:kurs)?|kurs|preis(?:e)?|ticket(?:s)?|fahrkarte|fahrplan|öffnungszeiten|uhrzeit|wie spät|e-?mails?|"
    r"mails?|apotheken?|restaurants?|hotels?|ärzte|arzt|geldautomat)"
)
_KIN = (
    r"(?:(?:gross|stief|schwieger)?(?:mutter|vater|eltern)|mama|papa|oma|opa|bruder|schwester|sohn|tochter|kind|"
    r"baby|mann|frau|ehemann|ehefrau|partner(?:in)?|freund(?:in)?|onkel|tante|cousine?|hund|katze|kolleg(?:e|in)|"
    r"nachbar(?:in)?)"
)
_NUMBER = r"(?:ein(?:s|e|en)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|[0-9]+)"
_PICK = (
    r"(?:erste[nrs]?|zweite[nrs]?|dritte[nrs]?|vierte[nrs]?|letzte[nrs]?|nächste[nrs]?|andere[nrs]?|rote[nrs]?|"
    r"blaue[nrs]?|grüne[nrs]?|schwarze[nrs]?|weisse[nrs]?|gelbe[nrs]?|graue[nrs]?|grosse[nrs]?|kleine[nrs]?|"
    r"mittlere[nrs]?|billige[nrs]?|billigste[nrs]?|billigere[nrs]?|günstige[nrs]?|günstigere[nrs]?|"
    r"günstigste[nrs]?|teure[nrs]?|frühe[nrs]?|frühere[nrs]?|spätere?[nrs]?|linke[nrs]?|rechte[nrs]?|obere[nrs]?|"
    r"untere[nrs]?|(?:platz )?am (?:fenster|gang)|fensterplatz|gangplatz|neue[nrs]?|alte[nrs]?|lange[nrs]?|"
    r"kurze[nrs]?|rot|blau|grün|schwarz|weiss)"
)
_DAY = r"(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)"
_COMMAND = (
    r"(?:mach(?:e|en sie)?|schalt(?:e|en sie)?|stell(?:e|en sie)?|spiel(?:e|en sie)?|stopp(?:e|en sie)?|halt(?=$|"
    r" (?:an|bitte))|öffne|öffnen sie|schliess(?:e|en sie)?|ruf(?:e|en sie)?|schick(?:e|en sie)?|sende|senden sie|"
    r"buch(?:e|en sie)?|reservier(?:e|en sie)?|bestell(?:e|en sie)?|storniere?|stornieren sie|ändere|ändern sie|"
    r"füg(?:e|en sie)?|lösch(?:e|en sie)?|such(?:e|en sie)?|find(?:e|en sie)?|zeig(?:e|en sie)?|sag(?:e|en"
    r" sie)?(?= (?:mir|uns|ihm|ihr|noch|das|bitte))|gib|geben sie|erzähl(?:e|en sie)?|lies|lesen sie|schreib(?:e|"
    r"en sie)?|übersetz(?:e|en sie)?|erklär(?:e|en sie)?|beschreib(?:e|en sie)?|fass(?:e)?|empfiehl|empfehlen sie|"
    r"schlag|berechne|rechne|erinner(?:e|n sie)?|weck(?:e|en sie)?|wiederhol(?:e|en sie)?|dreh(?:e)?|fahr(?:e)?|"
    r"hilf|helfen sie|bring(?:e|en sie)?|kauf(?:e|en sie)?|lern|speicher(?:e)?|starte?|aktivier(?:e)?|verbinde?|"
    r"verbinden sie|sing|prüf(?:e|en sie)?|schau(?:e|en sie)?|guck|vergleich(?:e)?|plan(?:e)?|navigier(?:e)?|"
    r"notier(?:e)?|leg(?:e)?|lass|setz(?:e)?|nimm|nehmen sie|lauter|leiser|heller|weiter(?=$)|nächstes lied)"
)

_TURNS = TurnRules(
    variants={},
    filler=one_of(
        r"ja genau|jo+|mhm+|aha|ach(?: so)?(?: okay| ja)?",
        r"ä+h+m*|ö+h+m*|h+m+|m+h*m*|a+h+|o+h+|also|nun|na(?: ja| gut| klar)?|naja|gut|ok|okay|ja+|jo|jep|nein|"
        r"nee|doch|und|aber|dann|so|ach(?: so)?|hör mal|hören sie|sag mal|sagen sie(?= mal)|entschuldig(?:ung|"
        r"e|en sie)|tut mir leid(?= *,)|verzeihung|alles klar|klar|genau|stimmt|richtig|super|prima|toll|"
        r"perfekt|sehr gut|in ordnung|verstanden|auch|noch was|eigentlich|vielleicht|bitte|mal|einverstanden|"
        r"passt",
        end=r"(?![\w-])",
    ),
    greeting=one_of(
        r"hallo+(?: zusammen| alle| du| ihr| da| nochmal)?|(?:schönen )?guten? (?:morgen|tag|abend)(?:"
        r" zusammen)?|(?:schönen )?guten tag|moin(?: moin)?|servus|grüss (?:gott|dich|sie)|grüezi|hi|hey|na du",
        end=r"(?![\w-])",
    ),
    closing=one_of(
        r"(?:nein |vielen |herzlichen |besten |tausend |schönen )?dank(?:e|eschön)?(?: (?:schön|sehr|vielmals|"
        r"dir|ihnen|euch|auch))*(?: für (?:alles|(?:ihre|deine|die) \w+))?|(?:auf )?wieder(?:sehen|hören|"
        r"schauen)|tschüss+(?:i)?|tschau|ciao|bye|bis (?:bald|dann|später|morgen|gleich|nächste woche|zum"
        r" nächsten mal)|mach(?:s| es) gut|machen sie es gut",
        r"(?:ich wünsche (?:ihnen|dir) )?(?:einen |ein |eine )?schöne[nrs]? (?:tag|abend|woche|wochenende|"
        r"nachmittag)(?: noch)?|gute nacht|das (?:war|wars|ist) alles|das wars|mehr brauche ich nicht|nichts"
        r" (?:mehr|weiter)|alles gute",
        end=r"(?![\w-])",
    ),
    thanks=Pattern(
        r"(?:(?:ok|okay|gut|nein|ja|super|prima|alles klar|na gut|und|ah)[, ]*)*(?:vielen |herzlichen"
        r" )?dank(?:e)?\b"
    ),
    parting=Pattern(r"\b(?:danke(?: schön)?|vielen dank|tschüss|wiedersehen)[.! ]*$"),
    small_talk=one_of(
        r"(?:und |na )?(?:wie geht(?:s| es)(?: (?:dir|ihnen|euch|so))*|alles (?:klar|gut)(?: bei (?:dir|"
        r"ihnen))|was geht|wie läufts|(?:hörst du|hören sie) mich|ist da (?:jemand|wer)|(?:bist du|sind sie)"
        r" (?:da|noch da)|freut mich|schön (?:sie|dich) (?:kennenzulernen|zu hören))(?: heute)?",
        end=r"[ .!?]*",
    ),
    name=Pattern(r"(?:(?:ich bin|ich heisse|mein name ist|hier ist|hier spricht) (?:\w+ )?)?[^\W\d_]+"),
    request=one_of(
        r"(?:kannst|könntest|würdest|magst|willst) du|(?:können|könnten|würden|möchten) sie(?! (?:sich"
        r" vorstellen))|(?:könnt|könntet) ihr|(?:kann|könnte|dürfte|darf) ich(?: bitte)? (?:einen|eine|ein|"
        r"mit|etwas|noch)|wäre es möglich|würde es ihnen",
        r"(?:ich|wir) (?:möchten?|hätten?(?: gerne?)?|brauchen?|will|wollen|würden?|bräuchten?|suche)(?!"
        r" (?:nicht mehr leben|sterben|sagen dass|dass du weisst))",
        rf"(?:bitte )?{_COMMAND}|vergiss nicht|vergessen sie nicht|(?:ein|eine|einen|zwei|drei) .* bitte$|hilfe",
        end=r"(?![\w-])",
    ),
    question=one_of(
        r"(?:gibts|gibt es|habt ihr|haben sie|hat es|kriegt man|bekommt man)(?= \w+)|(?:schlafen|essen|"
        r"fressen|leben|fliegen|trinken|können|dürfen|müssen|brauchen|wachsen|haben|sind|sehen|hören|"
        r"schwimmen|sterben|lernen) (?!sie (?:gut|wohl)|wir mal|und\b)\w+",
        r"(?:(?:um|ab|bis|seit|von|mit|für|in|an|auf|zu|nach|und|aber) )?(?:was(?! (?:für ein|du sagst|auch|"
        r"ich))|wer|wen|wem|wessen|wie(?! (?:ich|schön|schade|gesagt|immer|du meinst|toll|blöd))|wann|warum|"
        r"wieso|weshalb|wozu|wo|woher|wohin|womit|wofür|worüber|welche[rnms]?|wieviel\w*)",
        r"(?:ist|sind|war|waren|hat|haben|hast|kann|können|könnte|soll|sollte|muss|müssen|darf|dürfen|gibt|"
        r"geht|wird|werden|weisst|wissen|glaubst|glauben|meinst|fährt|kommt|hält|gilt|stimmt|kennst|kennen|"
        r"magst|lohnt|kostet|funktioniert|regnet|schneit)(?! (?:schade|gut|super|ok|okay|klar|doch|egal))(?="
        r" (?:das|der|die|den|dem|es|er|sie|man|ich|du|wir|ihr|ein\w*|mein\w*|dein\w*|noch|schon|in|heute|"
        r"morgen|hier|dort|denn|\w+en|\w+))",
        end=r"(?![\w-])",
    ),
    question_inside=Pattern(
        r"\b(?:was (?:ist|sind|soll|muss|kann|mache|bedeutet|kostet)|wie (?:viel|spät|lange|weit|wird|geht|"
        r"macht)|warum (?:ist|sind|hat|geht)|wo (?:ist|sind|gibt|finde)|wann (?:ist|fährt|kommt)|oder nicht|"
        r"oder|nicht wahr|richtig)$|\b(?:was soll ich|wie viel|wie lange dauert)\b"
    ),
    request_inside=Pattern(
        r"\bbitte$|\b(?:kannst du|können sie|könnten sie|könntest du)\b.*\w+(?:en|n)\b|\bich brauche (?:hilfe|"
        r"dringend)\b|\bhelfen sie mir\b"
    ),
    explain=word(
        r"wie (?:kriegt|bekommt|kriege|kriegen|löst|reinigt|entfernt|putzt|lernt|schneidet|pflegt) ",
        r"warum|wieso|weshalb|wozu|wie (?:macht|mache|backt|kocht|funktioniert|funktionieren|geht(?! es| s)|"
        r"kann|kommt|komme|baut|schreibt|entsteh\w+|berechn\w+|repariert|wechselt|bekomm\w*|koche|werden)(?!"
        r" (?:dir|ihnen))|was bedeutet|was heisst|unterschied\w*|erklär\w*|beschreib\w*|beibring\w*|schritt"
        r" für schritt|vergleich\w*|vor- und nachteile",
    ),
    seek=word(
        rf"such\w*|finde[nt]?|find|nachschau\w*|nachsehen|schau\w* (?:nach|mal nach|ob)|sieh nach|guck\w*"
        rf" (?:nach|ob)|prüf\w*|check\w*|(?:sag|zeig|lies|gib|wissen|sagen|zeigen|sehen|"
        rf"nennen)\w*\b.{{0,30}}\b{_LIVE}"
    ),
    live=word(
        r"gibts hier|gibt es hier|hier (?:irgendwo|in der gegend|um die ecke)",
        _LIVE,
        r"wie viel uhr|um wie viel|wann (?:fährt|kommt|öffnet|schliesst|macht|beginnt|ist|geht|fängt|startet|"
        r"landet)|was kostet|wie ?viel kostet\w*|was kosten|wo (?:ist|sind|gibt|bleibt|finde)|in der nähe|"
        r"nächste[nrs]? (?:zug|bus|bahn|flug|apotheke|tankstelle)|geöffnet|noch offen|hat .{1,20} (?:offen|"
        r"auf)|regnet|regnen|regen|schneit|schnee|verspätung|wie lange (?:dauert|fährt|braucht)|wie weit",
    ),
    choice=one_of(
        r"(?:(?:ich|nehme|möchte|will|lieber|dann|bitte|eher|nehmen wir) )*(?:das|den|die|der|ein|"
        r"eine|einen) \w{3,}(?:er|st)(?:e|en|es|er)(?: bitte| danke)?",
        rf"(?:(?:ich|nehme|möchte|will|lieber|dann|doch|glaube|hätte gerne?|bitte|eher|am liebsten|nehmen wir|"
        rf"für mich) )*(?:(?:das|der|die|den|dem|ein|eine|einen|im|am) )?(?:(?:option|nummer|variante|grösse|"
        rf"antwort) )?(?:{_PICK}|{_NUMBER}|[a-e])(?: (?:option|variante|grösse|mal|personen|nächte|tage|karten|"
        rf"von (?:links|rechts|oben|unten)))*(?: um {_NUMBER}(?: uhr)?)?",
        rf"(?:am |nächsten |diesen |für )?{_DAY}(?: ?(?:vormittag|nachmittag|abend|früh|um {_NUMBER}(?:"
        rf" uhr)?))*|um {_NUMBER}(?: uhr)?(?: (?:morgens|abends|nachmittags))?|für {_NUMBER}(?: personen)?|"
        rf"beide|alle beide|egal|keins|keine von beiden|mein name ist \w+(?: \w+)?|ich heisse \w+(?: \w+)?",
        end=r"(?: bitte| danke)?[ .!,]*$",
    ),
    correction=one_of(
        r"^(?:nein+|nee|entschuldigung|sorry|ach nein|halt|moment)[, ]+(?:nein[, ]+)?(?:nicht |ich (?:sagte|"
        r"meinte|habe .{0,25}(?:gesagt|gemeint)|meine)|das (?:war|ist) (?:nicht|falsch)|es (?:ist|war)|den"
        r" anderen|die andere|das andere|lieber|doch)",
        r"\b(?:das (?:habe ich|hab ich) (?:so )?nicht (?:gemeint|gesagt)|so (?:war das|habe ich das) nicht|"
        r"nicht (?:das )?was ich|(?:ich )?meinte (?!es|nur)|(?:sie haben|du hast) mich falsch|falsch"
        r" verstanden|missverstanden|das stimmt nicht|das ist (?:falsch|nicht richtig)|da irren sie|du irrst|"
        r"korrektur|meinte ich|besser gesagt|ich habe mich vertan|versprochen habe)\b",
    ),
    complaint=word(
        r"(?:hab|habe|haben) .{0,14}\bvor .{1,18} (?:bestellt|gekauft|bezahlt|beantragt|gebucht).{0,8} (?:und|"
        r"aber) .{0,20}(?:immer noch|noch immer|noch|bis jetzt|nichts|kein)|(?:zweimal|doppelt|zwei mal|"
        r"mehrfach|dreimal) .{0,14}(?:abgebucht|berechnet|abgezogen|belastet)|immer noch (?:nichts|"
        r"kein\w*|keine antwort)",
        r"(?:ich|wir) warten? (?:jetzt |nun |schon |immer noch )*(?:seit|schon|immer)|(?:seit|schon)"
        r" .{1,30}(?:warte|wartet)|niemand (?:meldet|antwortet|hilft|ruft|kümmert|geht|reagiert|macht)|keiner"
        r" (?:meldet|antwortet|hilft|ruft|kümmert|geht|reagiert|macht)|frechheit|unverschämt\w*|inakzeptabel|"
        r"beschwer\w*|beschwerde|die nase voll|reicht mir|genug davon|satt(?= |$)|stürzt (?:\w+ )?ab|abgestürzt|"
        r"hängt sich|mir reichts|schlechter service|(?:service|"
        r"kundendienst|qualität) (?:ist )?(?:so |sehr |echt )?(?:schlecht|miserabel|furchtbar|unterirdisch)|"
        r"betrug|abzocke|lächerlich|unmöglich von|skandal|sauerei|wütend|stinksauer|eine zumutung",
        r"(?:noch )?immer noch nicht|(?:ist|sind) .{0,25}(?:verschwunden|verloren gegangen|weg)(?= |$)|tun nichts|"
        r"noch immer nicht|(?:ist|sind) (?:nie|nicht|noch nicht) (?:angekommen|"
        r"gekommen|geliefert)|funktioniert (?:schon wieder )?(?:nicht|nie)|geht (?:schon wieder |immer noch"
        r" )?nicht(?: mehr)?(?= |$)(?! um)|(?:ist|sind) (?:schon wieder )?(?:kaputt|defekt|beschädigt)|doppelt"
        r" (?:abgebucht|berechnet)|zu viel (?:abgebucht|berechnet)|nie angekommen",
    ),
    grave=word(
        r"(?:monate|wochen|tage) (?:noch )?zu leben|todkrank|unheilbar (?:krank|erkrankt)|im hospiz|palliativ\w*",
        rf"(?:mein\w*|unser\w*|sein\w*|ihr\w*) (?:\w+ )?{_KIN}(?: \w+){{0,4}} (?:gestorben|verstorben|tot|"
        rf"umgekommen|verunglückt|umgebracht|liegt im sterben|im sterben)|(?:gestorben|verstorben) (?:ist|sind)"
        rf" (?:mein\w*)|(?:habe|hab|haben)(?: \w+){{0,3}} (?:mein\w*|unser\w*) (?:{_KIN})(?: \w+){{0,3}}"
        rf" verloren|(?:tod|verlust|beerdigung|begräbnis|trauerfeier) (?:mein\w*|unser\w*|von mein\w*)|stirbt"
        rf" (?:gerade)?$",
        r"(?:krebs|tumor|leukämie|hirntumor|demenz|alzheimer) (?:festgestellt|diagnostiziert|entdeckt|"
        r"gefunden)|(?:habe|hat|haben)(?: \w+){0,2} (?:krebs|einen tumor|leukämie)|an krebs|unheilbar|"
        r"fehlgeburt|totgeburt|(?:mann|freund|vater) schlägt mich|vergewaltigt|missbraucht worden",
    ),
    urgent=word(
        r"nicht mehr leben|will sterben|möchte sterben|mich (?:selbst )?(?:umbringen|töten|verletzen|ritzen)|"
        r"umbringen|selbstmord|suizid\w*|das leben nehmen|mein leben beenden|keinen sinn mehr",
        r"krankenwagen|notarzt|rettungswagen|notruf|ruf\w* (?:sie )?(?:die polizei|die feuerwehr)|atmet"
        r" (?:nicht|kaum)|keine luft|bewusstlos|herzinfarkt|schlaganfall|überdosis|brennt(?= (?:es|die|das|"
        r"mein|unser|bei|hier|in))|es brennt|feuer (?:in|im)|riecht nach gas|gasgeruch|gasleck|notfall|zu"
        r" hilfe|werde (?:verfolgt|bedroht|angegriffen)|einbrecher|erstickt|ertrinkt|blutet stark|viel blut|"
        r"krampfanfall|zusammengebrochen|verschluckt(?= (?:und|an|eine))",
    ),
)

_WORDS = WordsRules(
    variants={},
    writing="words",
    full_stop=".",
    comma=",",
    filler=one_of(
        r"ä+h+m*|h+m+|a+h+a*|o+h+|also|nun|na|gut|ok|okay|so|verstanden|verstehe|und|aber|aha|notiert|danke",
        end=r"(?![\w-])",
    ),
    yes_no=one_of(
        r"ja|nein|nee|doch|nicht|nie|klar|natürlich|sicher|selbstverständlich|gerne?|auf jeden fall|auf keinen"
        r" fall|genau|richtig|korrekt|stimmt|falsch|wahr|einverstanden|kein problem|vielleicht|wahrscheinlich|"
        r"möglicherweise|bestimmt|ich (?:glaube|denke(?! (?:nach|über))|finde)|sie haben recht|perfekt|"
        r"erledigt",
        end=r"(?![\w-])",
    ),
    question=one_of(
        r"(?:was(?! (?:sich|ich|sie))|wer|wie(?! (?:ich|sie))|wann|warum|wo|welche\w*|wollen|möchten|können|haben|"
        r"sind|ist|soll|darf|kann) ",
        end="",
    ),
    promise=word(
        r"sekunden?|sekündchen|minuten?|momente?|momentchen|augenblick|stunden?|sofort|gleich|bald|umgehend|"
        r"unverzüglich|warten|warte|gedulden|geduld|ich (?:werde|kann|verspreche|garantiere|besorge|erledige)|"
        r"wir (?:werden|können)|wird (?:erledigt|gemacht)|mache ich (?:gerne|doch|schon)|schon dabei"
    ),
    refusal=word(
        r"tut mir leid|entschuldig\w*|verzeihung|leider|bedau\w+|kann nicht|nicht möglich|unmöglich|weiss (?:ich"
        r" )?nicht|keine ahnung|sprachmodell|assistent\w*|künstliche intelligenz|fürchte"
    ),
    claim=word(r"sind|war|waren|hat(?! )|gibt es|bedeutet|kostet|beträgt|liegt bei|es ist|das ist"),
    acknowledges=word(
        r"lassen sie mich|mal (?:sehen|schauen|überlegen)|schau\w*|sehe?|seh|höre?|verstehe|verstanden|"
        r"notiert|notiere|merke|gut|danke|vielen dank|ich (?:überlege|denke|prüfe|suche|ordne|bringe|gehe|"
        r"nehme|folge|arbeite|mache|fange|versuche)|gehen wir|fangen wir|sammle|hallo|willkommen|guten (?:tag|"
        r"morgen|abend)|grüsse|schön|vergnügen|alles gute|jederzeit|freut|interessant|gute frage|h+m+|also|"
        r"aha|ah|in ordnung|alles klar|machen sie"
    ),
    vocabulary=words_of("""
        ab aber ah aha alle alles als also am an anfangen anfrage anruf anschauen ansehe ansehen arbeite auch auf
        aufnehme aus bei besten bin bisschen bringe da dabei dafür damit danach danke dann daran darauf daraus darum
        darüber das dass daten davon dazu dein deine dem den denke denken der des dich die dies diese dieser dieses
        dir du durch ein eine einem einen einer einfach einige einmal er ernst erst erzählen es etwas euch fall fange
        fangen finde folge frage fragen freut für ganz gedanken gehe gehen geht genau genauer gerade gerne gespräch
        grüsse gut gute guten habe haben hallo heraus herzlich hier hilft hin hinweis hm höre hören ich ihm ihn ihnen
        ihr ihre ihrem ihren ihrer im immer in ins ist ja jederzeit klar korrektur kurz lass lasse lassen lässt mach
        mache machen mal man mehr mein meine meinen meinten merke mich mir mit muss müssen nach nachdenken nachgehen
        nachschauen nachsehen nehme neu neuesten nicht noch notiert nun nur ob oder ohne ok okay ordne ordnung
        passenden passiert prüfe prüfen punkt reihenfolge richtig sache sachen sage sagen sammle schaue schauen schon
        schritt schön sehe sehen sehr sein seine seite sich sie so sorgfältig sprechen stand suche suchen tag thema
        tun um und uns unter vergnügen verstanden verstehe versuche viel vielen von vor vorne was weiter wenn wie
        wieder willkommen wir wird wirken wo worte worten zu zum zur zusammen ändere ärger ärgerlich über überlege
        überlegen
    """),
)

LANGUAGE = Language(
    turns=_TURNS,
    words=_WORDS,
    last_reply="Die letzte Antwort begann so; beginnen Sie anders:",
    prompt="""\
Sie sind die erste Stimme eines Sprachassistenten. Der Nutzer hat gerade gesprochen, und ein Kollege bereitet \
die Antwort vor. \
Sagen Sie auf Deutsch, mit Sie, einen einzigen kurzen Satz von drei bis acht Wörtern, der zeigt, dass Sie \
gehört haben, worum es geht, \
zum Beispiel: Das sehe ich mir genauer an.
Grüßt der Nutzer nur, grüßen Sie zurück; dankt er oder verabschiedet er sich, seien Sie freundlich.
Antworten Sie nicht, stimmen Sie nicht zu, lehnen Sie nichts ab, versprechen und fragen Sie nichts. Kein Ja \
oder Nein, keine Zahlen, keine Zeiten, keine neuen Namen oder Tatsachen.
Schreiben Sie nur die Worte, die gesprochen werden, in einer Zeile, ohne Anführungszeichen.""",
)
