"""Spanish: how a turn opens and asks, what an acknowledgement may not say, and the small model's prompt.

Speech recognition and hasty typing leave accents out, so the patterns are written without them (`_UNACCENTED`), and
"como" may be "cómo": where that is in doubt, what follows tells.
"""

from __future__ import annotations

from loro_core.decide.rules import WORD_ENDS, Language, Pattern, TurnRules, WordsRules, one_of, word, words_of

_UNACCENTED = str.maketrans("áéíóúüñ", "aeiouun", "¿¡")

_LIVE = (
    r"(?:tiempo(?= (?:hace|hara|va|en|para|manana|hoy))|clima|temperatura|pronostico|pedidos?|paquetes?|envios?|"
    r"entrega|citas?|reunion(?:es)?|agenda|calendario|reservas?|saldo|cuenta|factura|vuelos?|tren(?:es)?|"
    r"autobus(?:es)?|taxi|trafico|noticias|resultados?|marcador|acciones|precios?|tarifa|entradas?|billetes?|"
    r"horarios?|hora(?! de)|correos?|mensajes?|farmacias?|restaurantes?|hotel(?:es)?|medicos?|cajeros?|dolar|"
    r"cambio del)"
)
_KIN = (
    r"(?:(?:abuel|herman|hij|ti|prim|espos|novi|amig|suegr|cunad|niet)[oa]s?|padres?|madre|papa|mama|marido|mujer|"
    r"pareja|bebe|perr[oa]|gat[oa]|colega|companer[oa])"
)
_NUMBER = r"(?:un[oa]?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|veinte|[0-9]+)"
_PICK = (
    r"(?:primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|ultim[oa]|otr[oa]|roj[oa]|azul|verde|negr[oa]|"
    r"blanc[oa]|amarill[oa]|gris|rosa|grande|pequen[oa]|median[oa]|barat[oa]|car[oa]|temprano|tarde|derecha|"
    r"izquierda|arriba|abajo|(?:de |en )?(?:la )?ventana|(?:de |en )?(?:el )?pasillo|del pasillo|nuev[oa]|viej[oa]|"
    r"larg[oa]|cort[oa]|mas \w+|de (?:arriba|abajo|la derecha|la"
    r" izquierda))"
)
_DAY = r"(?:lunes|martes|miercoles|jueves|viernes|sabado|domingo)"
_COMMAND = (
    r"(?:enciend[ea]|apaga|apague|prend[ea]|pon(?:me|le|ga|game)?|quita(?:me)?|quite|sub[ea]|baj[ae]|abr[ea]|"
    r"cierr[ea]|llam[ae](?:me)?|mand[ae](?:me)?|envia(?:me)?|envie(?:me)?|reserv[ae](?:me)?|cancel[ae]|"
    r"cambi[ae](?:me)?|anad[ea]|agreg(?:a|ue)|borr[ae]|busc(?:a|ame|ale|ue|ueme)|encuentr[ae]|muestra(?:me)?|"
    r"muestre(?:me)?|di(?:me)?|diga(?:me)?|da(?:me)|de(?:me)|cuent(?:ame|eme)|lee(?:me)?|lea|escrib[ea](?:me)?|"
    r"redact[ae]|traduc(?:e|eme)|traduzca|explic(?:a|ame|ale)|explique(?:me)?|describ[ea]|resum[ea]|"
    r"recomiend[ae](?:me)?|sugiere|calcul[ae]|conviert[ea]|recuerd[ae](?:me)?|avis[ae](?:me)?|despiert[ae](?:me)?|"
    r"repit[ea]|toca|reproduc[ea]|para(?=$| (?:la|eso|ya|el))|deten(?:te|ga)?|sigue|siga|continu[ae]|empiez[ae]|"
    r"haz(?:me)?|haga(?:me)?|ayud[ae](?:me)?|trae(?:me)?|pid[ea](?:me)?|compr[ae](?:me)?|ensena(?:me)?|guard[ae]|"
    r"grab[ae]|program[ae]|activ[ae]|desactiv[ae]|conect[ae]|pas(?:a|e)(?:me)|comuniqueme|habl[ae]|"
    r"cant[ae](?:me)?|jueg[au]e?|mira|compr(?:ueba|uebe)|consult[ae]|revis[ae]|verific(?:a|ue)|localiz[ae]|"
    r"averigu[ae]|salta|silencia)"
)

_TURNS = TurnRules(
    variants=_UNACCENTED,
    filler=one_of(
        r"aja+|uhum|ya veo|entiendo",
        r"e+h+m*|e+m+|m+h*m*|a+h+|pues|bueno|buen[oa]|vale|ok|okay|si|no(?! puedo)|ya|claro|entonces|y|a ver|oye|oiga|"
        r"mire|disculp[ae]|perdona?|perdone|exacto|perfecto|genial|de acuerdo|tambien|muy bien|esta bien|eso"
        r" es|por favor|es que|correcto|venga|tal vez|quizas?",
        end=WORD_ENDS,
    ),
    greeting=one_of(
        r"hola+(?: a todos| de nuevo| otra vez)?|(?:muy )?buen(?:os|as)? (?:dias?|tardes|noches)(?: a todos)?|"
        r"(?:muy )?buenas(?=$| *[,.!?])|saludos|alo|diga(?=$| *[,.!?])",
        end=WORD_ENDS,
    ),
    closing=one_of(
        r"(?:muchas |muchisimas |mil |un millon de )?gracias(?: por (?:todo|(?:su|tu|la) (?:ayuda|tiempo|"
        r"paciencia)|ayudarme|atenderme))?(?: de verdad)?|adios|hasta (?:luego|manana|pronto|la vista|otra|la"
        r" proxima)|chao+|chau|nos vemos(?: \w+)?|cuidate|cuidese",
        r"que (?:tengas?|pases?) (?:un |una )?(?:buen|buena|lindo|feliz|bonito) (?:dia|tarde|noche|fin de"
        r" semana|semana)|eso es todo|es todo|nada mas|(?:te|le|se lo) agradezco(?: mucho)?",
        end=WORD_ENDS,
    ),
    thanks=Pattern(
        r"(?:(?:ok|vale|bueno|no|si|perfecto|genial|muy bien|pues|y)[, ]*)*(?:muchas |muchisimas |mil )?gracias\b"
    ),
    parting=Pattern(r"\b(?:gracias|adios|chao|hasta luego)[.! ]*$"),
    small_talk=one_of(
        r"(?:buenas?|hola)?,? ?(?:como (?:estas?|esta usted|te va|le va|andas|andamos)|que tal(?: estas?|"
        r" estamos| andas| va)?)",
        r"(?:y )?(?:como (?:estas?|esta usted|te va|le va|andas|va todo|has estado)|que tal(?: estas?| todo|"
        r" va todo| te va)?|todo bien|que hay|que pasa|me (?:oyes?|escuchas?)|hay alguien(?: ahi)?|estas? ahi|"
        r"mucho gusto|encantad[oa])(?: hoy)?",
        end=r"[ .!?]*",
    ),
    name=Pattern(r"(?:(?:soy|me llamo|mi nombre es|(?:le )?habla) (?:\w+ )?)?[^\W\d_]+"),
    request=one_of(
        r"(?:no )?(?:me |nos |lo |la |le )?(?:puedes?|podrias?|podria usted|pueden|podrian|quieres|te"
        r" importaria|le importaria)(?! (?:creer|ser))|seria posible|es posible que me",
        r"(?:yo )?(?:quiero|quisiera|queria|querria|necesito|me gustaria|deseo|necesitaria|busco|estoy"
        r" buscando)(?! (?:mucho|a mi|a tu|morir|decir que))",
        rf"{_COMMAND}|no (?:te olvides|olvides|me llames|pongas|apagues|cambies)|ayuda|una? .* por favor$",
        end=WORD_ENDS,
    ),
    question=one_of(
        r"(?:hay|queda|quedan|habra|tienen|tienes|venden|abren|cierran) (?!que\b|mucho\b|muchas? (?:gracias|"
        r"cosas)\b)\w+",
        r"(?:(?:a|de|en|con|por|para|desde|hasta|y|pero) )?(?:que(?! (?:bonit|lind|bien|mal|pena|lastima|"
        r"tenga|pase|asco|horror|rico|va$|yo|me|no|buen|se ))|quien(?:es)?|cual(?:es)?|cuant[oa]s?|adonde|"
        r"cuando(?! (?:era|eramos|yo|estaba|tenia|fui|llegue|me|mi|vivia|puedas|quieras))|donde(?! (?:vivo|"
        r"siempre))|como(?! (?:yo|siempre|dije|te dije|quieras|si|ya)))",
        r"es (?:verdad|cierto|posible|normal|mejor|seguro|necesario|obligatorio|peligroso)|(?:puedo|podemos|"
        r"debo|deberia|sabes?|crees?|cree usted|hay (?:algun|alguna|mas|un|una|que)|va a|vas a|van a|tienes|"
        r"tienen|llueve|existe|existen|se puede|has visto|conoces|te gusta|le gusta)",
        end=WORD_ENDS,
    ),
    question_inside=Pattern(
        r"\b(?:por que (?:no|me|el|la|los|es|hay|se)|cuanto (?:cuesta|vale|es|tarda|falta)|que hora|que"
        r" tiempo|donde esta|verdad$|o no$|que (?:hago|debo|puedo|me recomiendas?))\b"
    ),
    request_inside=Pattern(
        r"\bpor favor$|\b(?:me |nos )?(?:puedes|podrias|puede|podria) \w+(?:r|rme|rnos|rlo|rla)\b|\bnecesito"
        r" (?:que|ayuda)\b|\bayud[ae]me\b"
    ),
    explain=word(
        r"por que|como (?:se(?! (?:llama|encuentra))|puedo|puede|podria|hago|hacer|hacemos|funciona|funcionan|"
        r"es que|consigo|llego|debo|preparo|cambio|cocino|calculo)|que (?:significa|quiere decir)|"
        r"diferencia(?:s)? entre|expli\w+|ensena\w*|paso a paso|compar[ae]\w*|describ\w+"
    ),
    seek=word(
        rf"(?:busca|busqu|encuentr|averigu|consulta|comprueb|revisa|verifica|localiza)\w*|mira (?:si|a ver|en)|"
        rf"(?:dime|digame|muestr\w+|leeme|dame|deme|saber|ver|consultar|decir(?:me)?)\b.{{0,30}}\b{_LIVE}"
    ),
    live=word(
        _LIVE,
        r"a que hora|cuando (?:sale|llega|abre|cierra|viene|empieza|es|llegara|pasa)|cuanto (?:cuesta|cuestan|"
        r"vale|valen|tarda|falta|es|me)|donde (?:esta|hay|queda|puedo)|cerca(?: de)?|(?:por|de) aqui|(?:parada|"
        r"estacion) de|abiert[oa]s?|llueve|"
        r"llover\w*|lloviendo|nieva|nevar|hace (?:frio|calor|sol)",
    ),
    choice=one_of(
        rf"(?:(?:yo|prefiero|quiero|mejor|creo que|dame|deme|me quedo con|me gusta|para mi|que sea|con|la de|el"
        rf" de) )*(?:(?:el|la|los|las|lo|un|una) )?(?:(?:opcion|numero|talla|respuesta) )?(?:{_PICK}|{_NUMBER}|"
        rf"[a-e])(?: (?:opcion|talla|hora|vez|que dijiste|personas?|noches?|dias?|entradas?))*(?: (?:a|en|para)"
        rf" (?:las? )?{_NUMBER})?",
        rf"(?:el |para el |este |el proximo )?{_DAY}(?: (?:por la (?:manana|tarde|noche)|a las? {_NUMBER}))?|"
        rf"(?:a )?las? {_NUMBER}(?: y media| y cuarto)?(?: de la (?:manana|tarde|noche))?|para {_NUMBER}(?:"
        rf" personas)?|l[oa]s dos|amb[oa]s|cualquiera|ninguno|ninguna|me llamo \w+(?: \w+)?|mi nombre es \w+(?:"
        rf" \w+)?",
        end=r"(?: por favor| gracias)?[ .!,]*$",
    ),
    correction=one_of(
        r"^(?:que )?no+,? (?:que )?(?:yo )?(?:te|le|os) (?:he )?(?:dicho|dije|digo|decia|estoy diciendo|"
        r"hablo)|^(?:que )?no+,? (?:que )?(?:es|era|he dicho|dije) (?!nada|verdad|cierto|importante|"
        r"que)",
        r"^(?:no+|perdona?|perdone)[, ]+(?:no+[, ]+)?(?:yo )?(?:dije|digo|he dicho|decia|quer(?:ia|emos)"
        r" decir|quise decir|me referia|me refiero|no es|eso no|ese no|esa no|es el|es la|era|el otro|la otra)",
        r"\b(?:eso no es lo que|no es lo que (?:te |le )?(?:pedi|dije|queria|quiero)|no era eso|no es eso lo|"
        r"no me refiero|me referia a|quise decir|queria decir|te equivocas|se equivoca|te has equivocado|me"
        r" (?:has )?entendi(?:do|ste) mal|has entendido mal|no me has entendido|mejor dicho|te confundes|yo"
        r" (?:dije|te dije))\b|^en realidad\b",
    ),
    complaint=word(
        r"(?:ped[ií]|compre|encargue|pague|solicite|reserve) .{0,12}\b(?:hace|el) .{1,16} (?:y|pero) (?:sigo|"
        r"aun|todavia|nada|no)|sigo sin|(?:cobrado|cobraron|cargado|cargaron|facturado) (?:dos veces|"
        r"doble|de mas)|sin (?:noticias|respuesta)$",
        r"llev[oa](?:mos)? .{1,30}esperando|nadie (?:me |nos )?(?:contest|respond|atiend|hac|ayud|llam|"
        r"cog)\w+|verguenza|inaceptable|indignante|reclamacion|quejar\w*|quejas?|hart[oa]s?|pesim[oa]|(?:mal|"
        r"peor|fatal) servicio|servicio (?:es |tan )?(?:malo|fatal|horrible|pesimo)|estafa(?:dor\w*)?|timo|"
        r"ridiculo|un desastre",
        r"sigue sin|perdid[oa] y|(?:paquete|pedido) (?:se )?(?:perdio|ha perdido)|(?:todavia|aun) no (?:ha|he|me|han|"
        r"nos|funciona|llega)|no (?:me )?funciona|sigue sin|no sirve|me han"
        r" cobrado|me cobraron|no (?:ha|han) llegado|esta (?:rot[oa]|estropead[oa]|averiad[oa])|se (?:me"
        r" )?(?:ha )?(?:rompio|roto|estropeo|estropeado)|se (?:cierra|cuelga|bloquea|corta|congela)|"
        r"no puedo hacer nada|no aguanto|he perdido todo|nunca (?:llego|me (?:han|contest))\w*",
    ),
    grave=word(
        r"(?:meses|semanas|dias) de vida|desahuciad[oa]|enfermedad terminal|cuidados paliativos",
        r"se (?:me|nos) (?:ha )?(?:muerto|murio) (?:el|la|mi|nuestr[oa]) (?:perr|gat|abuel|padr|madr|herman|hij)\w*",
        rf"(?:mi|mis|nuestr[oa]|su|tu) {_KIN}(?: \w+){{0,3}} (?:murio|ha muerto|fallecio|ha fallecido|se murio|"
        rf"se ha muerto|esta muriendo|se esta muriendo|ha muerto)|(?:murio|fallecio|ha muerto|ha fallecido|se"
        rf" (?:me )?(?:murio|ha muerto))(?: \w+){{0,2}} (?:mi|nuestr[oa]) {_KIN}",
        rf"(?:tengo|tiene|diagnostic\w+|detect\w+|encontr\w+|con)(?: (?:un|una|a|mi|el|{_KIN})){{0,3}}"
        rf" (?:cancer|tumor|leucemia|alzheimer)|cancer terminal|(?:funeral|entierro|muerte|perdida) de (?:mi|"
        rf"su|nuestr[oa])|perdi(?:mos)? (?:a mi|al bebe|el bebe|un bebe)|aborto espontaneo|me (?:pega|"
        rf"maltrata)|me (?:violo|violaron)",
    ),
    urgent=word(
        r"(?:quiero|querria) morir(?:me)?|suicid\w+|matarme|quitarme la vida|hacerme dano|no quiero (?:seguir"
        r" )?vivi\w+|ganas de vivir|sin mi estarian mejor|autolesion\w*|cortarme las venas",
        r"ambulancia|no (?:puede )?respira\w*|inconsciente|infarto|se (?:ha )?desmay\w+|sobredosis|incendio|"
        r"fuego en|se (?:esta )?quema(?:ndo)?|(?:fuga|huele) (?:de|a) gas|emergencia|socorro|auxilio|llam[ae]"
        r" a la policia|me estan (?:atacando|siguiendo|robando)|se (?:esta )?ahoga(?:ndo)?|sangra(?:ndo)?"
        r" mucho|convulsion\w*|derrame cerebral|se ha tragado",
    ),
)

_WORDS = WordsRules(
    variants=_UNACCENTED,
    writing="words",
    full_stop=".",
    comma=",",
    filler=one_of(r"e+h*m*|h*m+|bueno|pues|bien|ok|okay|a ver|muy bien|entendido|ya veo|ah|oh|y|pero", end=WORD_ENDS),
    yes_no=one_of(
        r"si|no|claro|por supuesto|desde luego|seguro|sin duda|correcto|exacto|cierto|tal vez|quizas?|"
        r"probablemente|nunca|jamas|tienes? razon|de acuerdo|vale|efectivamente|creo que|perfecto|hecho",
        end=WORD_ENDS,
    ),
    question=one_of(
        r"(?:que(?! (?:le vaya|interesante|bueno|bien|buena|gusto|alegria))|quien|cual|cuando|cuanto(?! lo siento)|"
        r"donde|"
        r"como|por que|puedes?|quieres?|quiere|desea|necesitas?|hay)",
        end=WORD_ENDS,
    ),
    promise=word(
        r"segundo|segundit[oa]|segundos|minutos?|minutit[oa]|momento|momentito|instante|rato|horas?|ahora"
        r" mismo|en ?seguida|inmediatamente|pronto|ya mismo|al instante|esper[ae]|aguarde|no se retire|puedo|"
        r"podemos|hare|lo hago|voy|vamos a hacer|prometo|garantizo|listo|resuelto|le (?:dire|dare|ayudare|"
        r"buscare)|(?:mirar|ver|dir|buscar|intentar|ayudar|dar|podr|revisar|consultar|llamar|enviar|contestar|"
        r"responder|comprobar)(?:e|emos)"
    ),
    refusal=word(
        r"siento|lamento|lamentablemente|desafortunadamente|perdon|disculp\w+|no puedo|imposible|no (?:lo )?se|no"
        r" tengo|modelo|asistente|inteligencia artificial|temo"
    ),
    claim=word(r"es|son|esta|estan|fue|era|hay|tiene|tienen|significa|cuesta|sera|hace|hara"),
    acknowledges=word(
        r"dejeme|dejame|deja|veamos|a ver|vamos|vayamos|empecemos|sigamos|seguimos|entiendo|entendido|"
        r"comprendo|tomo|disposicion|anoto|escucho|sigo|ya veo|interesante|gracias|hola|gusto|placer|bienvenida|buenas|"
        r"alegra|alegria|cuidese|hm+|mirando|consultando|revisando|buscando|pensando|bien|bueno|pues|ah|tengo"
        r" en cuenta|quiero (?:ver|mirar|entender)|le vaya"
    ),
    vocabulary=words_of("""
        a aclaracion adelante ademas ah ahi ahora al alegra alegria algo algun anoto ante aqui asi atencion avisarme
        ayuda ayudado ayudar bien bienvenida buen buena buenas bueno buenos buscar calma cambiar cerca claridad clima
        como comprendo comprobar con conste consulta consultando consultar contar contarlo contarme corregirme cosa
        cosas cuando cuanto cuenta cuente cuento cuidado cuidese da dar darle dato datos de decir decirme deja dejame
        dejar dejeme del desde detalle detalles detenidamente dia dice digo dio dire disposicion donde doy duda duro
        echar echarle ejemplo el ella ello empecemos empezar en encuentro entender entendido entiendo entonces esa
        escucharle escucho ese eso esta este esto estudiar examinar explicarlo favor fijarme gracias gran guste gusto
        ha haber hablar hasta haya hm hmm hola idea ideas informacion intentarlo interesante ir juntos justas la las
        le leer llamar lo los luz malestar mas me mejor mi mientras mirar mirarlo miro mismo molesto mucha muchas
        muchisimo mucho muy nada noche nos nota noto nuevo o oigo oir oirle orden ordenar otra palabras para partes
        pasa paso pasos pensar pensarla pensarlo pensemos pero placer poco ponerlo por pregunta preguntar primero
        principio pues punto que quedo quiere quiero razon reciente reflexionar repasar resulta revisar revisarlo
        saber saludarle se seguimos segun ser serio si sido siempre siente sigamos sigo sobre solucion somos su tal
        tambien te tema tengo tiempo tiene todo tomar tomo trabajar tratar tu un una usted va valorar vamos van vaya
        vayamos veamos veo ver verla verlo vez vista vistazo volver vuelta y ya
    """),
)

LANGUAGE = Language(
    turns=_TURNS,
    words=_WORDS,
    last_reply="La última respuesta empezó así; empiece de otra manera:",
    prompt="""\
Usted es la primera voz de un asistente hablado. El usuario acaba de hablar y un colega prepara la respuesta. \
Diga en español, con usted, una sola frase corta, de tres a ocho palabras, que muestre que ha oído de qué se \
trata, \
por ejemplo: Déjeme ver eso con calma.
Si el usuario solo saluda, salude; si da las gracias o se despide, sea amable.
No responda, no acepte, no rechace, no prometa ni pregunte nada. Sin sí ni no, sin números, sin plazos, sin \
nombres ni datos nuevos.
Escriba solo las palabras que se dirán, en una línea, sin comillas.""",
)
