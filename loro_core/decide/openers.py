"""How replies open before they say anything, in twelve languages: what the seam may take off after an acknowledgement.

Only words that say nothing about the matter are here. "Yes", "no", はい, 네, 可以, "absolutely" and "no problem" may be
the whole answer to what was asked, "now" and "today" belong to it, and "one" may be counted: they stay.

The lists are written as people spell; `folded` evens out case, accents and width. Chinese has its simplified and its
traditional forms in one list.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from loro_core.decide.folded import folded


class Openers(Struct, frozen=True, kw_only=True):
    """One language's, folded; `opening` says what must stand around them.

    greetings: "hello". welcomes: what answers thanks.
    receipts: say that something was heard, and no more ("okay"). assents: agree, as a manner of speaking ("sure").
    praise: of the question. thinking: "let me see". lead_ins: stand before a first clause ("well").
    contrasts: words after which a receipt or an assent was meant ("but"). followers: words after which an assent with
        a comma was not ("sure, here is").
    small_words: may be written with a small letter after a comma, for nobody and nothing is named so.
    """

    greetings: tuple[str, ...] = ()
    receipts: tuple[str, ...] = ()
    assents: tuple[str, ...] = ()
    praise: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()
    lead_ins: tuple[str, ...] = ()
    welcomes: tuple[str, ...] = ()
    contrasts: tuple[str, ...] = ()
    followers: tuple[str, ...] = ()
    small_words: tuple[str, ...] = ()


def _openers(**lists: str) -> Openers:
    return Openers(**{name: _phrases(text) for name, text in lists.items()})


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(folded(phrase.strip()) for phrase in text.split("|"))


BY_LANGUAGE: Mapping[str, Openers] = {
    "en": _openers(
        greetings="""
            hello | hello there | hello again | hello and welcome | hello everyone | hi | hi there | hi again | hey |
            hey there | good morning | good afternoon | good evening | greetings | howdy | welcome | welcome back |
            hiya | hello to you too | hi to you too | well hello | well hello there
        """,
        receipts="okay | ok | alright | all right | got it | understood | noted | i see | okay then",
        assents="""
            sure | sure thing | of course | certainly | gladly | with pleasure | happy to help | glad to help |
            id be happy to help | id be happy to help with that | id be glad to help | im happy to help
        """,
        praise="""
            great question | good question | excellent question | interesting question | thats a great question |
            thats a good question | thats an excellent question | thats an interesting question |
            what a great question | ah great question | oh great question | thanks for asking | thank you for asking
        """,
        thinking="""
            hmm | hm | hmmm | let me see | let me think | let me think about that | let me think about it |
            let me check | let me check that | let me check that for you | let me take a look | let me have a look |
            let me look into that | let me look | lets see | lets have a look | lets take a look | one moment |
            one moment please | just a moment | give me a moment
        """,
        lead_ins="so | well | okay | alright | um | uh",
        welcomes="""
            youre welcome | youre very welcome | you are welcome | my pleasure | always a pleasure | anytime |
            happy to help | glad to help | always happy to help | glad i could help | happy i could help |
            dont mention it | its my pleasure
        """,
        contrasts="""
            but | though | although | however | only | unless | except | not | if | as long as | with | just not
        """,
        followers="here | heres | let | lets | ill | id",
        small_words="""
            the | a | an | it | its | there | theres | this | that | thats | these | those | you | your | youre |
            youll | we | were | well | they | theyre | he | she | to | in | on | at | by | for | from | with | if |
            when | while | as | because | since | most | some | many | both | one | all | any | what | how | here |
            heres | our | my | yes | no | not | and | but | or
        """,
    ),
    "zh": _openers(
        greetings="""
            你好 | 您好 | 你好呀 | 您好呀 | 你好啊 | 您好啊 | 嗨 | 哈喽 | 哈啰 | 哈囉 | 嘿 | 早上好 | 上午好 |
            中午好 | 下午好 | 晚上好 | 早安 | 午安 | 晚安 | 早 | 大家好 | 欢迎 | 歡迎 | 欢迎光临 | 歡迎光臨 |
            欢迎欢迎 | 你好你好 | 喂 | 喂你好 | 嗨你好 | 嗨您好
        """,
        receipts="""
            好的 | 好 | 好嘞 | 好的好的 | 好喔 | 明白 | 明白了 | 收到 | 了解 | 了解了 | 知道了 | 我知道了 | 我明白了 |
            OK
        """,
        assents="没问题 | 沒問題 | 当然 | 當然 | 当然可以 | 當然可以",
        praise="""
            好问题 | 好問題 | 这是个好问题 | 這是個好問題 | 这是一个好问题 | 這是一個好問題 | 这个问题很好 |
            這個問題很好 | 问得好 | 問得好 | 这个问题问得好 | 这个问题问得很好 | 這個問題問得好 | 真是个好问题 |
            很好的问题 | 很好的問題
        """,
        thinking="""
            嗯 | 嗯嗯 | 让我想想 | 讓我想想 | 让我想一想 | 讓我想一想 | 让我想一下 | 讓我想一下 | 我想想 | 我想一下 |
            让我看看 | 讓我看看 | 让我看一下 | 讓我看一下 | 我看看 | 我看一下 | 我来看看 | 我來看看 | 我来看一下 |
            我來看一下 | 让我查一下 | 讓我查一下 | 我查一下 | 请稍等 | 請稍等 | 稍等 | 稍等一下 | 请稍等一下 |
            請稍等一下
        """,
        lead_ins="嗯 | 那么 | 那麼 | 那 | 呃 | 好",
        welcomes="""
            不客气 | 不客氣 | 不用客气 | 不用客氣 | 别客气 | 別客氣 | 不用谢 | 不用謝 | 不谢 | 不謝 | 没关系 |
            您太客气了 | 您客气了 | 很高兴能帮到您 | 很高兴能帮到你
        """,
        contrasts="但 | 不过 | 不過 | 可是 | 只是 | 然而 | 除非 | 前提 | 只要 | 如果 | 不",
        followers="这是 | 這是 | 以下 | 下面 | 我来 | 我來 | 我这就 | 我這就 | 让我 | 讓我 | 我帮 | 我幫",
    ),
    "ja": _openers(
        greetings="""
            こんにちは | こんばんは | おはよう | おはようございます | もしもし | ようこそ | はじめまして | やあ |
            どうも
        """,
        receipts="""
            承知しました | 承知いたしました | かしこまりました | わかりました | 分かりました | 了解しました |
            了解です | 了解いたしました | なるほど
        """,
        assents="もちろんです | もちろん | もちろんですよ | 喜んで",
        praise="""
            いい質問ですね | 良い質問ですね | よい質問ですね | いい質問です | 良い質問です | 素晴らしい質問ですね |
            すばらしい質問ですね | とても良い質問ですね | とてもいい質問ですね | 面白い質問ですね
        """,
        thinking="""
            ええと | えーと | えっと | うーん | そうですね | 少々お待ちください | ちょっと待ってください |
            考えてみますね | 考えてみます | 確認しますね | 確認します | 見てみますね | 見てみましょう |
            調べてみますね | ちょっと考えてみますね
        """,
        lead_ins="では | それでは | さて | じゃあ | ええと | えーと | えっと | うーん | そうですね | まあ",
        welcomes="""
            どういたしまして | こちらこそ | お役に立ててうれしいです | お役に立てて嬉しいです | とんでもないです
        """,
        contrasts="ただ | でも | しかし | けれど | が",
        followers="こちら | 以下 | では | それでは",
    ),
    "ko": _openers(
        greetings="""
            안녕하세요 | 안녕하십니까 | 안녕 | 반갑습니다 | 반가워요 | 어서 오세요 | 어서오세요 | 여보세요 |
            좋은 아침입니다 | 좋은 아침이에요 | 환영합니다 | 안녕하세요 반갑습니다
        """,
        receipts="알겠습니다 | 알겠어요 | 네 알겠습니다 | 네 알겠어요 | 그렇군요",
        assents="물론입니다 | 물론이죠 | 물론이에요 | 그럼요",
        praise="""
            좋은 질문이에요 | 좋은 질문입니다 | 좋은 질문이네요 | 좋은 질문이군요 | 훌륭한 질문입니다 |
            아주 좋은 질문이에요 | 정말 좋은 질문이에요 | 흥미로운 질문이네요
        """,
        thinking="""
            음 | 글쎄요 | 어디 보자 | 어디 볼까요 | 잠시만요 | 잠깐만요 | 잠시만 기다려 주세요 | 한번 볼게요 |
            한번 살펴볼게요 | 생각해 볼게요 | 확인해 볼게요 | 한번 생각해 볼게요 | 한번 확인해 볼게요 | 찾아볼게요
        """,
        lead_ins="음 | 자 | 그럼 | 그러면 | 그러니까 | 글쎄요 | 어",
        welcomes="천만에요 | 별말씀을요 | 천만의 말씀입니다 | 아니에요 | 도움이 되어 기뻐요 | 도움이 되어 기쁩니다",
        contrasts="하지만 | 그런데 | 그러나 | 다만 | 단",
        followers="여기 | 다음은 | 그럼 | 제가",
    ),
    "es": _openers(
        greetings="""
            hola | hola de nuevo | hola otra vez | buenos días | buenas tardes | buenas noches | buenas | saludos |
            bienvenido | bienvenida | hola y bienvenido | muy buenas | buen día | hola a todos
        """,
        receipts="vale | de acuerdo | entendido | entiendo | ok | okey | muy bien | comprendo",
        assents="""
            claro | claro que sí | por supuesto | desde luego | con gusto | con mucho gusto | encantado de ayudar |
            encantada de ayudar
        """,
        praise="""
            buena pregunta | muy buena pregunta | excelente pregunta | gran pregunta | qué buena pregunta |
            es una buena pregunta | esa es una buena pregunta | interesante pregunta | gracias por preguntar
        """,
        thinking="""
            mmm | hmm | a ver | veamos | déjame ver | déjame pensar | déjame pensarlo | déjeme ver | déjeme pensar |
            vamos a ver | un momento | un momento por favor | déjame revisar | déjame comprobarlo
        """,
        lead_ins="pues | bueno | bien | entonces | a ver | mira | mire | eh",
        welcomes="""
            de nada | no hay de qué | con gusto | es un placer | un placer | ha sido un placer | a ti | a usted
        """,
        contrasts="pero | aunque | sin embargo | solo | excepto | salvo | siempre que | no",
        followers="aquí | déjame | déjeme | te | le",
        small_words="""
            el | la | los | las | lo | un | una | unos | unas | es | hay | en | para | por | con | si | cuando |
            como | porque | depende | eso | esto | esta | este | se | su | tu | puedes | puede | no | sí | y | pero
        """,
    ),
    "fr": _openers(
        greetings="""
            bonjour | bonsoir | salut | coucou | bienvenue | allô | rebonjour | bonjour à vous | bonjour à tous |
            bonjour et bienvenue | re-bonjour | enchanté
        """,
        receipts="d'accord | entendu | compris | c'est noté | très bien | je vois | ok | bien compris",
        assents="bien sûr | certainement | avec plaisir | volontiers | mais bien sûr | évidemment",
        praise="""
            bonne question | très bonne question | excellente question | c'est une bonne question |
            c'est une excellente question | quelle bonne question | question intéressante | merci de la question
        """,
        thinking="""
            hum | hmm | voyons | voyons voir | voyons ça | laissez-moi voir | laisse-moi voir |
            laissez-moi réfléchir | laisse-moi réfléchir | laissez-moi regarder | un instant |
            un instant s'il vous plaît
        """,
        lead_ins="alors | eh bien | bon | bien | donc | ben | euh | et bien",
        welcomes="""
            de rien | je vous en prie | je t'en prie | avec plaisir | il n'y a pas de quoi | pas de quoi |
            à votre service
        """,
        contrasts="mais | cependant | toutefois | sauf | seulement | pourtant | à condition | pas",
        followers="voici | voilà | je vais | laissez | laisse",
        small_words="""
            le | la | les | un | une | des | du | il | elle | ils | elles | on | ce | cela | ça | c'est | cette |
            ces | vous | nous | tu | je | j'ai | dans | en | pour | avec | si | quand | comme | selon | votre |
            notre | oui | non | et | mais | l' | d' | c' | j' | n' | s' | qu'
        """,
    ),
    "de": _openers(
        greetings="""
            hallo | hallo zusammen | hallo nochmal | hallo noch einmal | hallo und willkommen | guten tag |
            guten morgen | guten abend | schönen guten tag | moin | servus | grüß gott | grüezi | hi | hey |
            willkommen | herzlich willkommen | grüß dich
        """,
        receipts="okay | ok | alles klar | verstanden | verstehe | ich verstehe | in ordnung | gut | na gut",
        assents="klar | natürlich | gerne | gern | sehr gerne | aber gerne | na klar | selbstverständlich | sicher",
        praise="""
            gute frage | sehr gute frage | tolle frage | das ist eine gute frage | das ist eine sehr gute frage |
            das ist eine tolle frage | interessante frage | danke für die frage | ausgezeichnete frage
        """,
        thinking="""
            hm | hmm | mal sehen | mal schauen | schauen wir mal | lass mich überlegen | lassen sie mich überlegen |
            lass mich nachdenken | lass mich kurz nachdenken | lassen sie mich nachsehen | lass mich nachsehen |
            ich schaue mal | moment | einen moment | einen moment bitte | einen augenblick
        """,
        lead_ins="also | nun | na ja | naja | tja | gut | so | ähm | äh",
        welcomes="""
            gern geschehen | gerne geschehen | bitte | bitte schön | bitte sehr | keine ursache | nichts zu danken |
            gerne | gern | sehr gerne | immer gerne
        """,
        contrasts="aber | allerdings | jedoch | nur | außer | nicht | doch | sofern | wenn",
        followers="hier | ich schaue | lass | lassen | schauen wir",
        small_words="""
            der | die | das | den | dem | des | ein | eine | einen | einem | es | ich | du | wir | er | man | dann |
            wenn | weil | im | in | am | an | auf | für | mit | bei | von | vom | zum | zur | um | nach | dafür |
            dazu | dabei | diese | dieser | dieses | da | hier | ja | nein | nicht | und | aber
        """,
    ),
    "pt": _openers(
        greetings="""
            olá | oi | bom dia | boa tarde | boa noite | olá de novo | oi de novo | bem-vindo | bem-vinda |
            saudações | alô | olá e bem-vindo | seja bem-vindo | oi tudo bem | olá tudo bem
        """,
        receipts="certo | entendi | entendido | ok | tá bom | está bem | compreendo | combinado | beleza",
        assents="claro | claro que sim | com certeza | com prazer | com todo o prazer | pois não",
        praise="""
            boa pergunta | ótima pergunta | excelente pergunta | que boa pergunta | essa é uma boa pergunta |
            é uma boa pergunta | essa é uma ótima pergunta | muito boa pergunta | obrigado por perguntar
        """,
        thinking="""
            hum | hmm | vejamos | deixa eu ver | deixe-me ver | deixa-me ver | deixe-me pensar | deixa eu pensar |
            vamos ver | um momento | um momento por favor | só um momento | deixe-me verificar
        """,
        lead_ins="bem | então | bom | pois | olha | veja | ora",
        welcomes="de nada | por nada | não há de quê | foi um prazer | é um prazer | disponha | imagina | às ordens",
        contrasts="mas | porém | contudo | só | exceto | desde que | a menos | não | no entanto",
        followers="aqui | deixe | deixa | vou",
        small_words="""
            o | a | os | as | um | uma | é | há | em | no | na | nos | nas | para | por | com | se | quando | como |
            porque | depende | isso | isto | esse | essa | este | esta | você | seu | sua | não | sim | e | mas
        """,
    ),
    "ru": _openers(
        greetings="""
            здравствуйте | здравствуй | привет | добрый день | добрый вечер | доброе утро | приветствую |
            добро пожаловать | алло | рад вас слышать | рада вас слышать | приветик | доброго дня |
            и снова здравствуйте
        """,
        receipts="хорошо | понятно | понял | поняла | ясно | ладно | окей | ок | принято | я понимаю | понимаю",
        assents="конечно | разумеется | с удовольствием | безусловно | конечно же | с радостью",
        praise="""
            хороший вопрос | отличный вопрос | интересный вопрос | это хороший вопрос | это отличный вопрос |
            прекрасный вопрос | очень хороший вопрос | спасибо за вопрос | замечательный вопрос
        """,
        thinking="""
            хм | гм | посмотрим | давайте посмотрим | давай посмотрим | дайте подумать | дай подумать | так |
            дайте посмотреть | сейчас посмотрю | одну минуту | минутку | секунду | одну секунду | позвольте подумать
        """,
        lead_ins="итак | ну | так | что ж | ну что ж | значит | хм | так вот | что же",
        welcomes="""
            пожалуйста | не за что | всегда пожалуйста | рад помочь | рада помочь | рад был помочь | обращайтесь |
            не стоит благодарности
        """,
        contrasts="но | однако | хотя | только | кроме | если | не",
        followers="вот | сейчас | давайте | давай",
        small_words="""
            это | в | во | на | по | для | с | со | из | от | до | при | если | когда | чтобы | потому | как | что |
            он | она | оно | они | мы | я | ты | у | за | здесь | там | тут | этот | эта | эти | да | нет | не | и |
            но | а
        """,
    ),
    "ar": _openers(
        greetings="""
            مرحبا | مرحبا بك | مرحبا بكم | أهلا | أهلا وسهلا | أهلا بك | أهلا وسهلا بك | السلام عليكم |
            وعليكم السلام | وعليكم السلام ورحمة الله وبركاته | السلام عليكم ورحمة الله وبركاته | صباح الخير |
            مساء الخير | صباح النور | مساء النور | تحية طيبة | أهلا ومرحبا | مرحبا مجددا | أهلين | هلا
        """,
        receipts="حسنا | فهمت | مفهوم | تمام | طيب | أوكي",
        assents="بالتأكيد | بالطبع | طبعا | بكل سرور | على الرحب والسعة | أكيد",
        praise="""
            سؤال جيد | سؤال رائع | سؤال ممتاز | هذا سؤال جيد | هذا سؤال رائع | هذا سؤال ممتاز | سؤال مهم | سؤال جميل
        """,
        thinking="همم | دعني أفكر | دعني أرى | دعنا نرى | لنرى | دعني أتحقق | لحظة | لحظة من فضلك | لحظة واحدة",
        lead_ins="حسنا | إذن | إذا | طيب | في الواقع | والآن",
        welcomes="على الرحب والسعة | عفوا | العفو | لا شكر على واجب | بكل سرور | تحت أمرك",
        contrasts="لكن | ولكن | غير أن | إلا | بشرط | فقط | ليس",
        followers="إليك | هذا هو | هذه هي | سأقوم | دعني",
    ),
    "hi": _openers(
        greetings="""
            नमस्ते | नमस्कार | नमस्ते जी | नमस्कार जी | हैलो | हेलो | हाय | प्रणाम | सुप्रभात | शुभ संध्या |
            शुभ प्रभात | स्वागत है | आपका स्वागत है | नमस्ते और स्वागत है | राम राम
        """,
        receipts="ठीक है | समझ गया | समझ गई | अच्छा | जी ठीक है | ओके | समझा",
        assents="ज़रूर | जरूर | बिल्कुल | बेशक | जी ज़रूर | जी बिल्कुल | अवश्य",
        praise="""
            अच्छा सवाल है | बहुत अच्छा सवाल है | बढ़िया सवाल है | यह अच्छा सवाल है | यह एक अच्छा सवाल है |
            यह बहुत अच्छा सवाल है | अच्छा सवाल | बहुत अच्छा सवाल | बहुत बढ़िया सवाल
        """,
        thinking="""
            हम्म | देखते हैं | चलिए देखते हैं | मुझे सोचने दीजिए | मुझे देखने दीजिए | ज़रा सोचने दीजिए | एक मिनट |
            एक पल | ज़रा देखता हूँ | ज़रा देखती हूँ | देखता हूँ | देखती हूँ | मैं देखता हूँ | मैं देखती हूँ
        """,
        lead_ins="तो | अच्छा | देखिए | चलिए | ठीक है | वैसे | असल में",
        welcomes="""
            आपका स्वागत है | कोई बात नहीं | खुशी हुई | मुझे खुशी हुई | मदद करके खुशी हुई | धन्यवाद की कोई बात नहीं
        """,
        contrasts="लेकिन | मगर | पर | परंतु | किंतु | सिवाय | अगर | नहीं",
        followers="यह रहा | ये रहे | यह रही | मैं | यहाँ",
    ),
}

TITLES = frozenset(_phrases("mr | mrs | ms | dr | prof | st | sr | sra | dra | mme | hr | fr"))
"""What is shortened before a name: their full stop ends no sentence."""

NOT_NAMES = frozenset(_phrases("world | earth | kitty | dolly | दुनिया | العالم | 세상 | 세계"))
"""What follows a greeting in the titles of things, and is nobody's name: "Hello World" is a program."""


def for_language(language: str | None) -> Openers:
    """Return the lists of a language tag, whatever its region ("pt-BR", "zh-TW"); empty ones for one without."""
    return BY_LANGUAGE.get((language or "").split("-")[0].casefold(), _NONE)


_NONE = Openers()
