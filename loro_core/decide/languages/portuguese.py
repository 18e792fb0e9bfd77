"""Portuguese, of Brazil and of Portugal: how a turn opens and asks, what an acknowledgement may not say, the prompt.

The patterns are written without accents (`_UNACCENTED`), for speech recognition and hasty typing leave them out.
"""

from __future__ import annotations

from loro_core.decide.rules import WORD_ENDS, Language, Pattern, TurnRules, WordsRules, one_of, word, words_of

_UNACCENTED = str.maketrans("áàâãéêíóôõúüç", "aaaaeeiooouuc")

_LIVE = (
    r"(?:previsao|tempo(?= (?:faz|vai|hoje|amanha|em|para|la))|clima|temperatura|pedidos?|pacotes?|encomendas?|"
    r"entrega|consultas?|reuniao|reunioes|agenda|calendario|reservas?|saldo|conta|fatura|voos?|trem|trens|"
    r"comboios?|onibus|autocarro|metro|taxi|transito|noticias|resultados?|placar|acoes|precos?|tarifa|passagem|"
    r"passagens|bilhetes?|ingressos?|horarios?|horas|emails?|mensagens|farmacias?|restaurantes?|hotel|hoteis|"
    r"medicos?|caixa eletronico|dolar|cotacao)"
)
_KIN = (
    r"(?:(?:av|irma|filh|ti|prim|espos|namorad|amig|sogr|cunhad|net|cachorr|gat)(?:o|a|os|as)|irmao|irma|vovo|"
    r"pais?|mae|papai|mamae|marido|mulher|bebe|colega)"
)
_NUMBER = r"(?:um|uma|dois|duas|tres|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|vinte|[0-9]+)"
_PICK = (
    r"(?:primeir[oa]|segund[oa]|terceir[oa]|quart[oa]|quint[oa]|ultim[oa]|outr[oa]|vermelh[oa]|azul|verde|"
    r"pret[oa]|branc[oa]|amarel[oa]|cinza|rosa|grande|pequen[oa]|medi[oa]|barat[oa]|car[oa]|cedo|tarde|direita|"
    r"esquerda|de cima|de baixo|(?:d?[ao] )?(?:da )?janela|(?:do )?corredor|nov[oa]|velh[oa]|long[oa]|curt[oa]|"
    r"mais \w+)"
)
_DAY = r"(?:segunda|terca|quarta|quinta|sexta|sabado|domingo)(?:[ -]feira)?"
_COMMAND = (
    r"(?:acend[ea]|apag(?:a|ue)|lig(?:a|ue)|deslig(?:a|ue)|coloc(?:a|que)|poe|ponha|tir[ae]|aument[ae]|diminu[ia]|"
    r"abaix[ae]|abr[ea]|abre|fech[ae]|mand[ae]|envi[ae]|reserv[ae]|marc(?:a|que)|desmarc(?:a|que)|cancel[ae]|"
    r"mud[ae]|troc(?:a|que)|adicion[ae]|apag(?:a|ue)|procur[ae]|busc(?:a|que)|encontr[ae]|ach[ae](?= \w)|"
    r"mostr[ae]|dig[ao]|diz|fal[ae]|cont[ae](?= (?:uma|um|pra|para))|le|leia|escrev[ea]|redij[ae]|traduz[ae]?|"
    r"expliqu?(?:a|e)|explic(?:a|que)|descrev[ea]|resum[ae]|recomend[ae]|sugir[ae]|sugere|calcul[ae]|convert[ae]|"
    r"lembr[ae]|avis[ae]|acord[ae]|repet[ea]|repita|toc(?:a|que)|par[ae](?=$| (?:a|de|o|com))|continu[ae]|"
    r"comec[ae]|comeca|faz|faca|ajud[ae]|traz|traga|ped[ea]|peca|compr[ae]|ensin[ae]|guard[ae]|grav[ae]|"
    r"program[ae]|ativ[ae]|desativ[ae]|conect[ae]|pass[ae]|cant[ae]|tent[ae]|verifi(?:ca|que)|consult[ae]|"
    r"confir[ae]|confer[ei]|olh[ae]|chec(?:a|que)|pul[ae]|cham[ae])"
)

_TURNS = TurnRules(
    variants=_UNACCENTED,
    filler=one_of(
        r"u+h+u+m+|aham|isso mesmo|pode ser|ah (?:ta|entendi|sim|ok)",
        r"e+h*m*(?= *[,.]|$)|h+u*m+|a+h+|bom|bem|ok|okay|ta(?: bom| bem| certo)?|esta bem|sim|nao|ja|claro|"
        r"entao|e|olha|olhe|desculp[ae]|com licenca|escuta|exato|perfeito|otimo|legal|beleza|certo|isso|"
        r"tambem|muito bem|pois(?: e| nao)?|por favor|e que|tipo|mas|so|talvez|entendi|combinado|blz",
        end=WORD_ENDS,
    ),
    greeting=one_of(
        r"(?:ola+|oi+e?)(?: a todos| pessoal| gente| de novo)?|(?:muito )?bo(?:m|a)s? (?:dia|tarde|noite|dias|"
        r"tardes|noites)(?: a todos| pessoal)?|alo+|e ai(?=$| *[,.!?])|saudacoes",
        end=WORD_ENDS,
    ),
    closing=one_of(
        r"(?:nao,? )?(?:e |era )?so isso(?: mesmo)?|mais nada(?: nao)?",
        r"(?:muito |muitissimo |mil )?(?:obrigad[oa]|obrigadinh[oa]|brigad[oa]|valeu)(?: mesmo| demais)?(?:"
        r" (?:por|pel[oa]s?)(?: (?:tudo|ajuda|(?:a|o|sua|tua|seu) \w+|me ajudar|atencao|informacao))?)?|"
        r"agradeco(?: muito)?(?: a ajuda| a atencao)?|tchau+|adeus|ate (?:logo|mais|amanha|breve|ja|a proxima|"
        r"outra)|a gente se (?:ve|fala)(?: \w+)?|falou",
        r"(?:tenha|tenham|um) (?:um |uma )?(?:bom|boa|otimo|otima) (?:dia|tarde|noite|fim de semana|semana)|e"
        r" (?:so )?isso(?=$| *[,.!])|(?:era |e )?so isso(?: mesmo)?|nada mais|mais nada|fica bem|se cuida|"
        r"abracos?",
        end=WORD_ENDS,
    ),
    thanks=Pattern(r"(?:(?:ok|ta|bom|nao|sim|perfeito|otimo|muito bem|e)[, ]*)*(?:muito )?(?:obrigad[oa]|valeu)\b"),
    parting=Pattern(r"\b(?:obrigad[oa]|tchau|ate logo|valeu)[.! ]*$"),
    small_talk=one_of(
        r"(?:e ai|oi|ola)?,? ?(?:tudo (?:bem|bom|certo|joia)|como (?:vai|esta|estas?|voce esta)|beleza)(?: com (?:"
        r"voce|vc|o senhor|a senhora)| contigo| por ai| voce)?",
        r"(?:e )?(?:tudo (?:bem|bom|certo|joia)(?: com voce| contigo| por ai)?|como (?:vai|voce esta|esta|"
        r"estas|voces estao|tem passado|vao as coisas)(?: voce| tudo)?|(?:esta|ta) (?:me )?ouvindo|(?:voce"
        r" )?me ouve|tem alguem (?:ai|na linha)|prazer(?: em (?:conhecer|falar)\w*(?: voce| com voce)?)?|"
        r"beleza)(?: hoje)?",
        end=r"[ .!?]*",
    ),
    name=Pattern(
        r"(?:(?:sou|eu sou|me chamo|chamo-me|meu nome e|o meu nome e|aqui e|quem fala e) (?:[oa] )?(?:\w+"
        r" )?)?[^\W\d_]+"
    ),
    request=one_of(
        r"(?:voce |voces |o senhor |a senhora |tu )?(?:nao )?(?:me |nos )?(?:pode(?:m|s|ria|riam|rias)?|"
        r"consegue(?:s|m)?|daria para|da para|da pra|se importa de|se importaria)(?! (?:ser|acreditar|crer|"
        r"comer|chover))|seria possivel|teria como|tem como",
        r"(?:eu )?(?:queria|quero|gostaria de|preciso(?: de)?|necessito|estou procurando|desejo|gostava de|"
        r"precisava|ando a procura)(?! (?:muito|morrer|dizer que|voce))",
        rf"(?:(?:me|nos|lhe) )?{_COMMAND}(?:[ -](?:me|nos|lhe))?|nao (?:esqueca|esquece|desligue|toque|mude|"
        rf"ligue)|ajuda|socorro|vamos (?:jogar|comecar|continuar)|uma? .* por favor$",
        end=WORD_ENDS,
    ),
    question=one_of(
        r"tem (?!que\b|certeza\b|razao\b)\w+(?: \w+){0,2} (?:aqui|perto|por|ai|hoje|nesse|nessa|no|na|disponivel)",
        r"(?:(?:a|de|em|com|por|para|pra|desde|ate|e|mas|o|no|na) )?(?:que(?! (?:bonit|lind|bom|boa|mal|pena|"
        r"lastima|nojo|horror|saco|legal|coisa|dia lindo|vergonha|absurdo|eu|nao|me))|quem|qual|quais|"
        r"quant[oa]s?|onde|aonde|cade|por ?que|quando(?! (?:era|eu|fui|cheguei|estava|tinha|puder|quiser|a"
        r" gente|morava))|como(?! (?:eu|sempre|disse|ja|se fosse|quiser)))",
        r"(?:e|eh) (?:verdade|possivel|certo|normal|melhor|seguro|necessario|obrigatorio|perigoso)(?: que)?|"
        r"sera que|(?:(?:eu|a gente|nos) )?(?:posso|podemos|devo|deveria|deviamos)|(?:voce |vc |tu )?(?:sabe|"
        r"sabes|acha|achas|conhece|gosta)|tem (?:algum|alguma|mais|um|uma)|ha (?:algum|alguma|mais|um|uma)|vai"
        r" (?:chover|fazer|ter)|existe|existem",
        end=WORD_ENDS,
    ),
    question_inside=Pattern(
        r"\b(?:por ?que (?:nao|o|a|e|esta|eles)|quanto (?:custa|e|tempo|falta|fica)|que horas|onde (?:fica|"
        r"esta|tem)|ne$|nao e$|ou nao$|(?:o )?que (?:eu )?(?:faco|devo|posso))\b"
    ),
    request_inside=Pattern(
        r"\b(?:por favor|se faz favor|por gentileza)$|\b(?:pode|poderia|consegue|podes)(?: me| nos)? \w+r\b|"
        r"\bpreciso (?:de ajuda|que)\b|\bme ajud[ae]\b"
    ),
    explain=word(
        r"como (?:e que )?(?:tira|tiro|limpa|lava|remove|conserta|planta|corta|guarda|monta|prepara)\w*",
        r"por ?que|como (?:e que )?(?:se(?! (?:chama))|eu|posso|pode|faco|faz|fazer|fazemos|funciona|"
        r"funcionam|consigo|chego|devo|preparo|troco|cozinho|calculo|a gente)|(?:o )?que (?:significa|quer"
        r" dizer)|diferencas? entre|expli(?:c|qu)\w*|ensin\w+|passo a passo|compar\w+|descrev\w+",
    ),
    seek=word(
        rf"procur\w+|busc\w+|encontr\w+|ach[ae] (?:um|uma|o|a)|consult(?:a|e|ar) (?:o|a|os|as|meu|minha)|"
        rf"verifi\w+|confer[ei]\w*|chec\w+|olh[ae] (?:se|o|a)|localiz\w+|descubr\w+|(?:diga|diz|fala|mostra|"
        rf"mostre|le|leia|saber|ver|dizer|dar)\b.{{0,30}}\b{_LIVE}"
    ),
    live=word(
        _LIVE,
        r"que horas|cade|quando (?:sai|chega|abre|fecha|vem|comeca|e|vai|passa)|quanto (?:custa|custam|e|fica|"
        r"falta|esta|vale|tempo)|onde (?:fica|esta|tem|ha)|aqui perto|pert[oa]|abert[oa]s?|chover|chove|"
        r"chovendo|chuva|nevar|(?:faz|esta) (?:frio|calor|sol)",
    ),
    choice=one_of(
        r"(?:(?:eu|prefiro|quero|acho que|fico com|pode ser|me da) )*(?:[oa] )(?:maior|menor|melhor|"
        r"pior|primeir[oa]|ultim[oa]|mais \w+)",
        rf"(?:(?:eu|prefiro|quero|melhor|acho que|fico com|gosto mais d[oa]|pode ser|com|para|que seja|me da)"
        rf" )*(?:(?:o|a|os|as|um|uma) )?(?:(?:opcao|numero|tamanho|resposta) )?(?:{_PICK}|{_NUMBER}|[a-e])(?:"
        rf" (?:opcao|tamanho|vez|que voce falou|pessoas?|noites?|dias?|ingressos?))*(?: (?:as|em|para|no|na)"
        rf" {_NUMBER})?",
        rf"(?:n[oa] |para |a |o )?(?:proxim[oa] )?{_DAY}(?: (?:de manha|a tarde|a noite|as {_NUMBER}))?|(?:as|"
        rf"a) {_NUMBER}(?: horas| e meia)?(?: da (?:manha|tarde|noite))?|para {_NUMBER}(?: pessoas)?|os dois|as"
        rf" duas|ambos|ambas|qualquer um|qualquer uma|nenhum|nenhuma|(?:o )?meu nome e \w+(?: \w+)?|me chamo"
        rf" \w+(?: \w+)?",
        end=r"(?: por favor| obrigad[oa]| mesmo)?[ .!,]*$",
    ),
    correction=one_of(
        r"^(?:nao+|desculp[ae]|opa|perdao)[, ]+(?:nao+[, ]+)?(?:eu )?(?:disse|falei|quis dizer|queria dizer|"
        r"estava falando|me refer|nao e|isso nao|e o|e a|era|o outro|a outra)",
        r"\b(?:nao (?:foi|e|era) (?:bem )?isso(?: que)?|nao foi o que|nao e o que|eu quis dizer|eu queria"
        r" dizer|me referia|me refiro|voce (?:se )?(?:enganou|entendeu (?:mal|errado)|errou)|entendeu errado|"
        r"esta errado|ta errado|melhor dizendo|voce confundiu|eu (?:disse|falei) (?!que))\b|^na verdade\b",
    ),
    complaint=word(
        r"(?:comprei|pedi|paguei|encomendei|solicitei|agendei) .{0,14}\b(?:faz|ha|tem) .{1,16} e (?:ate|"
        r"ainda|nada|nao)|(?:cobraram|cobrado|descontaram|debitaram) (?:duas|dois|2|em dobro|a mais)|"
        r"ate agora nada$",
        r"esper(?:ando|o|ei|amos|a) (?:ha|faz|a|desde) .{1,30}|(?:ha|faz) .{1,25} (?:esperando|a espera|que"
        r" (?:eu )?espero)|ninguem (?:me |nos )?(?:respond|atend|ajud|lig|faz|resolv)\w+|absurdo|vergonha|"
        r"inaceitavel|reclamacao|reclamar|queixa|cans(?:ad[oa]|ei) (?:de|disso)|fart[oa] de|pessim[oa]|"
        r"(?:pior|mau|mal) (?:servico|atendimento)|(?:servico|atendimento) (?:e |esta )?(?:horrivel|ruim|"
        r"pessimo|uma porcaria)|golpe|enganacao|ridiculo|uma palhacada|um desastre",
        r"ainda nao (?:chegou|recebi|veio|funciona|resolv\w+|consegui)|nao (?:esta funcionando|funciona|"
        r"chegou|presta|liga|conecta)|(?:foi|fui) cobrad[oa]|me cobraram|(?:esta|ta|veio|chegou)"
        r" (?:quebrad[oa]|estragad[oa]|com defeito)|quebrou|estragou|parou de funcionar|sumiu|sumiram|extravi\w+|"
        r"nao fazem nada|caiu de novo|trava(?:ndo|m)?|perdi tudo|cai toda hora|nao aguento",
    ),
    grave=word(
        r"(?:meses|semanas|dias) de vida|doenca terminal|cuidados paliativos|desenganad[oa]",
        rf"(?:meu|minha|meus|nosso|nossa|seu|sua|[oa]) {_KIN}(?: \w+){{0,3}} (?:morreu|faleceu|esta morrendo|"
        rf"esta a morrer|se foi|foi mort[oa]|partiu)|(?:morreu|faleceu|perdi|perdemos)(?: \w+)? (?:[oa]"
        rf" )?(?:meu|minha|nosso|nossa) {_KIN}",
        rf"(?:com|tenho|tem|diagnostic\w+|descobr\w+)(?: (?:um|uma|de|com|que|estou|esta|o|meu|minha|"
        rf"{_KIN})){{0,4}} (?:cancer|cancro|tumor|leucemia|alzheimer)|cancer terminal|(?:enterro|velorio|"
        rf"funeral|morte|perda) d[aoe] (?:meu|minha|nosso|nossa)?|perd(?:i|emos) o bebe|aborto espontaneo|me"
        rf" (?:bate|agride)|(?:fui|foi) (?:estuprada|violada)",
    ),
    urgent=word(
        r"(?:quero|queria|vontade de|vou) (?:morrer|me matar|sumir do mundo)|suicid\w+|me matar|tirar a"
        r" (?:minha )?(?:propria )?vida|me machucar|nao quero (?:mais )?viver|acabar com (?:a minha vida|"
        r"tudo)|automutil\w+|cortar os pulsos",
        r"ambulancia|nao (?:esta |consegue )?respir\w+|inconsciente|desmai\w+|infarto|enfarte|ataque cardiaco|"
        r"avc|overdose|incendio|pegando fogo|pegou fogo|fogo n[ao]|(?:vazamento|cheiro|fuga) de gas|"
        r"emergencia|socorro|chama a policia|ligue? para a policia|estao me (?:seguindo|atacando)|assalto|se"
        r" (?:esta )?afog\w+|engasg\w+|sangrando muito|convulsao|convulsionando|engoliu",
    ),
)

_WORDS = WordsRules(
    variants=_UNACCENTED,
    writing="words",
    full_stop=".",
    comma=",",
    filler=one_of(r"e+h*m*(?=,)|h*u*m+|bom|bem|ok|okay|muito bem|entendi|ah|oh|mas|entao|olha|certo", end=WORD_ENDS),
    yes_no=one_of(
        r"sim|nao|claro|com certeza|certamente|pode ser|sem duvida|correto|exato|verdade|talvez|provavelmente|"
        r"nunca|jamais|tem razao|de acordo|combinado|beleza|isso mesmo|acho que|pois nao|perfeito|feito|pode",
        end=WORD_ENDS,
    ),
    question=one_of(
        r"(?:que(?! (?:interessante|bom|boa|alegria|prazer))|quem|qual|quando|quanto|onde|como|por ?que|voce"
        r" (?:quer|pode|tem)|quer|gostaria de que|precisa)",
        end=WORD_ENDS,
    ),
    promise=word(
        r"segundo|segundinho|segundos|minutos?|minutinho|momento|momentinho|instante|instantinho|horas?|agora"
        r" mesmo|ja ja|logo|imediatamente|em breve|espera|espere|aguarde|aguarda|so um|posso|podemos|vou|irei|"
        r"iremos|farei|faremos|prometo|garanto|pronto|resolvido|deixa comigo|\w+(?:arei|erei|irei)"
    ),
    refusal=word(
        r"sinto muito|sinto|lamento|infelizmente|desculp\w+|perdao|nao posso|nao consigo|impossivel|nao sei|nao"
        r" tenho|modelo|assistente|inteligencia artificial|receio"
    ),
    claim=word(r"e|sao|esta|estao|foi|era|ha|tem|significa|custa|sera|fica|faz"),
    acknowledges=word(
        r"deixe|deixa|vejamos|vamos|comecemos|sigamos|seguimos|entendi|entendo|compreendo|anotei|ouvi|ouco|"
        r"sigo|tomo|levo|fico|agradeco|ola|oi|prazer|alegria|disposicao|ordens|bom|bem|boa|bem-vind[oa]|hm+|ah|olhando|"
        r"consultando|verificando|procurando|pensando|interessante|cuide-se|ajudar|ajudado|voltar"
    ),
    vocabulary=words_of("""
        a achar aconteceu agora agradeco ah ai ajuda ajudado ajudar alegria algo anotei ao aonde aos aqui as assim ate
        atencao avisar bem boa boas-vindas bom buscar calma certas certo checar chegar clareza coisa com comecar
        comecemos comigo como compreendo consultando consultar conta contar conversa conversar correcao cuidado cuidar
        cuide-se da dado dados dar de deixa deixe deixe-me dela dele depois detalhe detalhes dia disso diz dizem dizer
        do dos ela ele em encontro entao entender entendi entendo esclarecimento essa esse esta este estudar eu
        examinar exemplo explicar falar favor fico fique foi fora frente hm hmm hora ideia ideias incomoda incomodo
        informacao inicio isso isto juntos la lembro ler levo lhe ligacao mais mas me melhor meu minha mudar muito na
        nas nisso no noite nos nota nova novo o oi ola olhada olhar olho ordem ordens organizar os ou ouco outra ouvi
        ouvir palavras para parte partes passo pelo pensando pensar pergunta ponto por pouco pra prazer primeiro
        procurar proxima proximo que quer quero questao razao recente refletir rever saber se seguimos sempre sente
        serio seu si sigamos sigo situacao sobre sua tarde te tempo tentar ter toda todo tomo trabalhar tratar tudo um
        uma vamos vejamos ver verificar vez vista voce voltar voz
    """),
)

LANGUAGE = Language(
    turns=_TURNS,
    words=_WORDS,
    last_reply="A última resposta começou assim; comece de outra forma:",
    prompt="""\
Você é a primeira voz de um assistente falado. O usuário acabou de falar e um colega prepara a resposta. \
Diga em português uma única frase curta, de três a oito palavras, que mostre que você ouviu do que se trata, \
por exemplo: Deixe-me ver isso com calma.
Se o usuário só cumprimenta, cumprimente; se agradece ou se despede, seja gentil.
Não responda, não concorde, não recuse, não prometa nem pergunte nada. Sem sim ou não, sem números, sem \
prazos, sem nomes nem dados novos.
Escreva só as palavras a dizer, em uma linha, sem aspas.""",
)
