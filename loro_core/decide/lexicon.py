"""The commonest words of languages written in Latin letters: enough to tell one from another.

Words are in the form that `language` compares: NFKC, case folded, straight apostrophes. A word that is common in
English and in another language ("no", "me", "was", "die", "on", "so") shows nothing and stands in no list; one that
English only borrows as a name ("dan", "ben", "mets") is left out of the other language's list. English also holds the
words that voice commands are made of, since a command has few others ("play", "lights", "weather").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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
    fin fuimos aplicación vale el la los las de del que qué un una unos unas es en y por para con sin sobre como
    cómo cual cuál cuáles cuales esta está estás estoy están este esto estos estas eso esa ese hola gracias quiero
    quieres quiere queremos puedes puede puedo podemos podrías podría mi mis tu tus su sus sí dónde donde cuándo
    cuando cuánto cuánta cuántos quién quiénes quien porque pero más mas muy hoy mañana tiempo hace hacer hago haz
    favor buenos buenas días tardes noches noche adiós necesito necesita tengo tenemos tiene tienes hora horas luz
    luces música enciende apaga pon llama soy eres somos también ayer ahora vamos voy va ir fue ser era hay había lo
    le les se al cita reserva pedido cuenta dime busca búscame explícame cerca aquí allí nada nadie algo todo toda
    todos todas otro otra primera primero segunda segundo opción lunes martes miércoles jueves viernes sábado
    domingo semana semanas año años dije digo pedí dice decir verdad creo pienso sé sabe sabes padre madre hermano
    hermana hijo hija abuela abuelo marido esposa amigo casa calle ciudad tren vuelo billete precio cuesta llega
    llegar sale salir murió muerto cáncer médico ayuda ayudar ayúdame llame ambulancia morirme bueno claro perdona
    disculpe rojo azul verde negro blanco agua comida gato gatos perro cielo escribió esperando esperar llevo tres
    dos cuatro cinco seis siete ocho nueve diez muchas mucho muchos poco menos desde hasta entre cada siempre nunca
    ya aún todavía después antes según así aunque mientras entonces ni vergüenza reclamación teléfono nuestro
    nuestra ellos ellas nosotros usted ustedes playa iremos cocina déjeme dejeme veamos ver entendido entiendo
    comprendo escucho tomo nota bien pensarlo gusto mirarlo bien ideas cuerpo humano debo quisiera gustaría deseo
    mira oye mandar poner ponme apagar abrir cerrar buscar llamar dame dile trabajo escuela ventana asiento cosa
    cosas mejor peor grande pequeño nuevo viejo tarde temprano ninguna ninguno servicio roto funciona canción
    película
""")
_FR = _words("""
    le la les une un est et je tu nous vous que qui quoi quelle quel quels quelles pourquoi où quand combien avec
    dans pas ne mais bonjour bonsoir salut merci oui plaît plait temps aujourd'hui demain hier heure heures peux
    peut pouvez pourrais pourriez veux voudrais suis es sont était été être avoir fait faire va vais aller ça cette
    ces ce cet mon ma mes votre notre nos vos sa ses leur leurs aux au de du des en fait-il est-ce c'est qu'est-ce
    allume éteins musique lumière moi toi très bien elle ils elles lui eux il moins comment parce chez sans sous sur
    entre vers depuis pendant avant après toujours jamais encore déjà aussi alors donc puis ici là rien personne
    quelque chose tout tous toute toutes autre même monde réserver vol billet commande colis rendez-vous trouve
    cherche explique rappelle dis donne aide aider besoin j'ai j'aimerais d'accord d'un d'une l'heure pouvez-vous
    peux-tu est-il s'il n'est lundi mardi mercredi jeudi vendredi samedi dimanche semaine mois jour soir matin nuit
    année premier première deuxième dernier bleu rouge vert noir blanc plutôt voulais dit arrivé attends attendre
    grand-mère grand-père mère père frère sœur fils fille mari femme maison rue ville voiture chats chien ciel
    capitale prix coûte cuisine salon décédée décédé mort mourir feu secours revoir beaucoup voulez savoir sais
    pense crois allons allés marché nouveau petit grande bon bonne pâte laissez-moi voyons regarde prenons plaisir
    entendu voici sept mets mettre dois devoir peut-être ouvrir fermer appeler ouvertes maintenant travail école
    fenêtre place week-end randonnée c'était j'étais n'ai qu'il qu'elle lequel laquelle plusieurs mieux pire gros
    vieux tard tôt service marche fonctionne chanson film joue mets-moi donne-moi dis-moi d'abord tellement vraiment
    non
""")
_DE = _words("""
    der das ein eine einen einem einer und ist ich du er sie es wir ihr nicht auf für von vom zu zum zur wie wann
    warum wer wen wem welche welcher welches welchen bitte danke hallo guten abend kannst können könntest könnte
    kann konnte mir mich dir dich ihm ihn ihnen uns euch wird werden wurde würde heute morgen gestern wetter uhr
    licht mach mache machen schalte stell spiele spiel aber auch noch nur schon sehr gibt habe hast haben hatte
    hätte bist sind waren dem den des viel viele kein keine keinen ja nein nee doch oder wenn dass weil als nach bei
    mit ohne über unter vor hinter neben aus seit bis durch gegen um mein meine meinen meinem meiner dein deine sein
    seine ihre ihren unser gut tschüss vielen dank ist's geht's geht gehen mal jetzt dann hier dort wo woher wohin
    immer nie wieder etwas nichts alles jemand niemand möchte möchten will wollen wollte soll sollte muss müssen
    darf gerne gern lieber bleibt fährt kommt kommen zug flug bahn termin bestellung paket hotel nähe tisch frei
    suche finde zeig sag erkläre erklär erinnere hilf hilfe helfen brauche montag dienstag mittwoch donnerstag
    freitag samstag sonntag woche wochen monat jahr tag tage zweite zweiten erste ersten dritte blaue rote grüne
    schwarze weisse meinte sagte gesagt gemeint warte warten meldet mutter vater bruder schwester sohn tochter mann
    frau oma opa kinder haus strasse stadt auto katze katzen hund himmel hauptstadt preis kostet küche flur
    gestorben krebs leben bewusstlos glaube denke weiss wohnt ans meer im schreiben geschrieben dunkeln sehen
    unterschied zwischen klima klar eigentlich vielleicht natürlich backt brot tabletten schauen sehe höre lassen
    schön verstanden verstehe notiert ab davon dauernd genug hab daran dazu ganz alle diese dieser dieses damit wäre
    sonst euer sollten lange heißt heiße dürfen anrufen ruf schick öffne schließ weiß bestellen buchen ändern kaputt
    arbeit schule fenster platz wochenende morgens abends eure ihres deiner lass leider
""")
_PT = _words("""
    o como se fim trilha fizemos os uma umas uns de da dos das que é como está estão estou estava você vocês voce eu
    ele ela eles elas nós meu minha meus minhas seu sua seus suas não nao sim obrigado obrigada olá ola oi bom boa
    bons boas dia tarde noite qual quais quando onde quanto quantos quem porque mas mais muito muita muitos hoje
    amanhã ontem agora favor preciso precisa quero quer queria pode posso podemos poderia tem tenho temos ter isso
    isto aquilo esse essa este esta por pelo pela pelos para pra pro tempo vai vou vamos ir foi ser era são fazer
    faz faço fiz horas hora luz tchau então também sem com sobre até desde entre cada sempre nunca já ainda depois
    antes assim nada ninguém alguém algo tudo todo toda todos outra outro explica ajuda ajudar procura acende apaga
    liga desliga lembra ligar passagem ônibus trem voo pedido consulta reserva conta previsão cadê custa chega
    chegar sair perto aqui ali lá escola casa rua cidade segunda terça quarta quinta sexta sábado domingo semana
    semanas mês ano anos primeira primeiro opção prefiro azul vermelho verde preto branco disse falei pedi entendi
    repetir há pai mãe irmão irmã filho filha avó avô marido esposa amigo mora gatos gato cachorro céu preço
    escreveu cozinha faleceu morreu morri câncer viver respirando socorro absurdo reclamação esperando acho penso
    sei sabe nos na nas ao aos às à praia lisboa num numa dele dela descobri tá né gente cancelar diferença três
    dois duas quatro cinco seis sete oito nove dez rir filme queijo enxergam escuro responde deixe-me deixe vejamos
    entendo agradeço conversa bem ver nisso disso anotei ouço calma prazer pensar explicar passo corpo humano devo
    gostaria olha mandar colocar coloca ligue desligue abrir fechar procurar dá dê trabalho janela lugar coisa
    coisas melhor pior grande pequeno novo velho cedo nenhuma nenhum serviço quebrado funciona música toca põe
    aberta abertas gostei fica ficar estação café leite
""")
_IT = _words("""
    gli di della del che una un sono non ciao grazie buongiorno buonasera prego cosa dove quando perché chi quale quanto
    oggi domani puoi vorrei voglio accendi spegni anche più molto questo questa com'è c'è è le la tempo ore favore bene
""")
_NL = _words("""
    de het een en ik je jij hij zij wij zijn niet met voor dat hoe waar wanneer waarom welke dank bedankt
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
_HI_LATN = _words("""
    mujhe mera meri mere kya hai hain nahi nahin kaise kaisa kaisi kab kahan kyun kyon kaun batao bataiye karo kare
    karna chahiye aap aapka tum tumhara ka ki ke ko mein aur yeh woh kal aaj abhi bahut accha theek haan namaste
    dhanyavad shukriya raha rahi wala wali toh bhi
""")
"""Hindi as people type it in Latin letters, for which there are no phrases."""

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
    "hi-Latn": _HI_LATN,
}
"""By language tag. No word of these is an everyday English one."""

LETTERS: Mapping[str, frozenset[str]] = {
    "es": frozenset("ñ¿¡"),
    "pt": frozenset("ãõ"),
    "fr": frozenset("œêûî"),
    "de": frozenset("ß"),
}
"""Letters that show a language among its neighbours."""

SLAVIC = _words("""
    съм какво къде защо искам здравей здравейте благодаря моля кога сте няма този тази
""")
"""Common words of Bulgarian, which has no letter that Russian has not."""

PERSIAN_URDU = _words("""
    است هست این برای که را چه نیست شما چطور کجا چرا
""")

DEVANAGARI = _words("""
    आहे आहेत आणि नाही काय मला तुम्ही कसे कसा कशी होते पाहिजे छ छैन तपाईं गर्न मेरो हुन्छ
""")
"""Common words of Marathi and Nepali, which are written like Hindi."""

LOANS = _words("hello hi hey bye yes yeah sorry thanks thank you")
"""English words that people say within other languages; half as good a sign of English as the rest."""

ACKNOWLEDGING = _words("""
    forecast calendar schedule options status latest notes list details results a i me in on or as do was no so an
    ok okay alright hmm mm um uh ah oh hey us let lets let's see check checking looking thinking working trying
    sorting lay put step beginning order latest putting changed pointing carefully seriously continue frustrating
    feels appreciate note figuring listening following finding consider gather thoughts thought through figure sort
    dig get try start work turn bring pull understood understand noted got gotcha hear heard mean meant with said
    saying question request point sounds interesting fun lovely kind pleasure welcome happy glad always anytime care
    entirely service bit quick quickly detail info information idea ideas together best carefully properly reflect
    tell telling sharing share mind moving pleased voice having chatting talking speaking you're that's there's i'm
    what's go have it
""")
"""What an English acknowledgement is made of, beside `ENGLISH`."""


_SPREAD: Mapping[str, float] = {
    word: 1 / sum(word in common for common in OTHERS.values()) for common in OTHERS.values() for word in common
}


def points(words: Sequence[str], language: str) -> float:
    """Return how many of `words` are common ones of `language`, and a little more for those that few others have."""
    found = [word for word in words if word in OTHERS[language]]
    return len(found) + 0.2 * sum(_SPREAD[word] for word in found)


def common_words(language: str) -> frozenset[str]:
    """Return the commonest words of `language` and of English, which people mix into every language."""
    return ENGLISH | OTHERS.get(language, frozenset())
