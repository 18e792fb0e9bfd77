"""The commonest words of languages written in Latin letters: enough to tell English from what is not.

Words are in the form that `language` compares: NFKC, case folded, straight apostrophes. A word that is common in
English and in another language ("no", "me", "was", "die", "on", "so") shows nothing and stands in no list; one that
English only borrows as a name ("dan", "ben", "mets") is left out of the other language's list. English also holds the
words that voice commands are made of, since a command has few others ("play", "lights", "weather").
"""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = _words("""
    the and of to for with from by at into about than then because if but not are is be been being it's its it i'm i'd
    i've i'll you your yours you're they them their we our us she her his him my mine this that these those what what's
    whats how how's why where where's when who who's whose which there there's here does did doesn't didn't don't dont
    can't cant won't isn't aren't wasn't can could should would must might have had having get got give go going gone
    tell show play turn set call open close help please thank thanks hello hi hey bye goodbye cheers mate yes yeah yep
    think know need want like make made let let's lets take find look looking write read say said talk speak hear see
    buy book order send cancel change remind reminder translate explain describe summarize summarise recommend suggest
    weather time today tomorrow yesterday tonight morning afternoon evening night day week month year hour light lights
    music song songs timer alarm word words phone home house work door window kitchen bedroom room water food flight
    ticket appointment doctor meeting money price account question answer story joke news movie good great nice well
    better best new old big small little long short right left back up down out off over again now just only very
    really too also much many more most some any all every other another first last next never always something
    anything nothing everything someone anyone everyone people thing things way feel feeling happy one two three four
    five seven eight nine ten english chinese weren't couldn't shouldn't wouldn't haven't hasn't we're they're we'll
    they'll we've they've that's sorry sure maybe tired hungry love hate happened happen between after before until
    while born bought brought built called changed closed opened started stopped tried used worked lost found paid sent
    told asked wanted needed looked seems seem mean means meant guess hope wish believe understand learn teach study
    watch listen wait pay spend win lose break fix move live stay sit stand walk run drive fly travel visit meet join
    sad angry sick ill pain fever head eye face body foot heart child children kid kids boy girl baby woman women men
    mother father mom dad brother sister daughter wife husband family friend friends country city town street road
    station airport shop store school office garden car plane breakfast lunch dinner coffee tea milk bread egg eggs
    rice chicken fish apple cheese sugar salt color colour red blue green yellow black white brown size cheap expensive
    free full empty hot cold cool dry wet rain raining snow snowing sun sunny windy cloudy weekend monday tuesday
    wednesday thursday friday saturday sunday january february march june july october december spring summer autumn
    screen password website game team player number address letter email delivery parcel package booking reservation
    receipt invoice refund balance card bill tax insurance important different same own ready late early soon far near
    high low fast slow easy hard heavy possible already still ever yet almost enough perhaps quite instead together
    around against through during without across behind along both either neither each few several such whether though
    although since once twice bored bit lot kind sort side end top bottom middle half hundred thousand hours days weeks
    french german spanish japanese italian russian american british europe america england under were doing done came
    coming keep start cook eat drink sleep wake
""")

_ES = _words("""
    el la los las de del que qué un una es y en por para con como cómo cual cuál esta está estás estoy están hola
    gracias quiero quieres puedes puede podrías mi mis tu su sí dónde donde cuándo cuando cuánto cuánta cuántos quién
    quien porque pero más mas muy hoy mañana tiempo hace favor buenos buenas días tardes noches adiós necesito tengo
    tiene tienes hora luz música enciende apaga llama soy eres eso esto también ayer ahora vamos
""")
_FR = _words("""
    le la les une un est et je tu nous vous que qui quoi quelle quel pourquoi où quand combien avec dans pas ne mais
    bonjour bonsoir salut merci oui plaît plait temps aujourd'hui demain heure peux pouvez pourrais veux voudrais suis
    ça cette mon mes votre notre aux de du en fait-il est-ce allume éteins musique lumière moi toi très bien elle ils
""")
_DE = _words("""
    der das ein eine einen einem und ist ich du er sie es wir ihr nicht auf für von zu zum zur wie wann warum wer welche
    welcher bitte danke hallo guten abend kannst können könntest mir mich dir dich wird heute morgen wetter uhr licht
    mach schalte spiele stell aber auch noch nur schon sehr gibt habe hast haben bist sind dem viel kein keine ja nein
    mein meine dein deine gut tschüss vielen dank ist's geht's
""")
_PT = _words("""
    os uma de da dos das que é como está você voce eu meu minha não nao sim obrigado obrigada olá ola bom boa dia tarde
    noite qual quais quando onde quanto quem porque mas mais muito hoje amanhã favor preciso quero pode tem isso por
    para tempo vai fazer horas são luz tchau então também estou
""")
_IT = _words("""
    gli di della del che una un sono non ciao grazie buongiorno buonasera prego cosa dove quando perché chi quale quanto
    oggi domani puoi vorrei voglio accendi spegni anche più molto questo questa com'è c'è è le la tempo ore favore bene
""")
_NL = _words("""
    de het een en ik je jij hij zij wij zijn niet met voor dat hoe waar wanneer waarom welke hallo dank bedankt
    goedemorgen alsjeblieft alstublieft kun kunt weer vandaag morgen uur licht zet speel maar ook nog naar bij uit aan
    heb heeft bent mijn jouw geen ja nee wat
""")
_TR = _words("""
    bir ve nasıl için mı mü yok değil merhaba teşekkürler teşekkür lütfen hava bugün yarın saat kaç nerede neden hangi
    evet hayır çok iyi günaydın selam misin mısın bana benim
""")
_ID = _words("""
    apa yang ini itu saya anda kamu tidak bisa untuk dengan bagaimana kenapa siapa kapan berapa hari cuaca terima kasih
    halo tolong selamat pagi siang malam akan mau besok jam aku
""")
_VI = _words("""
    và của là tôi bạn không có gì thế nào cho được một những với đây hôm ngày mai thời tiết xin chào cảm ơn giúp làm mấy
    giờ bao nhiêu tôi em anh
""")
_PL = _words("""
    jest nie się jak gdzie kiedy dlaczego czy proszę dziękuję cześć dzień dobry jaka jaki pogoda dzisiaj jutro chcę mogę
    możesz godzina dla już tylko która mnie
""")
_SV = _words("""
    och är det jag du inte ett på för att vad hur när varför vem hej tack snälla vill idag imorgon väder klockan vilken
    mig kan du
""")

OTHERS: Mapping[str, frozenset[str]] = {
    "es": _ES,
    "fr": _FR,
    "de": _DE,
    "pt": _PT,
    "it": _IT,
    "nl": _NL,
    "tr": _TR,
    "id": _ID,
    "vi": _VI,
    "pl": _PL,
    "sv": _SV,
}
"""By language tag. No word of these is an everyday English one."""

LOANS = _words("hello hi hey bye yes yeah sorry thanks thank you")
"""English words that people say within other languages; half as good a sign of English as the rest."""

ACKNOWLEDGING = _words("""
    forecast calendar schedule options status latest notes list details results a i me in on or as do was no so an ok
    okay alright hmm mm um uh ah oh hey us let lets let's see check checking looking thinking working trying sorting
    figuring listening following finding consider gather thoughts thought through figure sort dig get try start work
    turn bring pull understood understand noted got gotcha hear heard mean meant with said saying question request
    point sounds interesting fun lovely kind pleasure welcome happy glad always anytime care entirely service bit quick
    quickly detail info information idea ideas together best carefully properly reflect tell telling sharing share mind
    moving pleased voice having chatting talking speaking you're that's there's i'm what's go have it
""")
"""What an English acknowledgement is made of, beside `ENGLISH`."""
