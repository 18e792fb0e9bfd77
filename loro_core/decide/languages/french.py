"""French: how a turn opens and asks, what an acknowledgement may not say, and the small model's prompt.

Apostrophes are gone ("j'ai" is "jai", "qu'est-ce" is "quest-ce"), and the patterns are written without accents.
"""

from __future__ import annotations

from loro_core.decide.rules import WORD_ENDS, Language, Pattern, TurnRules, WordsRules, one_of, word, words_of

_UNACCENTED = str.maketrans("àâäéèêëîïôöùûüçÿ", "aaaeeeeiioouuucy", "«»")

_LIVE = (
    r"(?:temps (?=(?:fait|fera|va|est))|meteo|temperature|previsions|(?:ma |la |une )?commandes?|colis|livraison|"
    r"rendez[ -]vous|reunions?|agenda|calendrier|reservations?|solde|compte|facture|vols?|trains?|bus|metro|tram|"
    r"taxi|trafic|circulation|(?:les )?(?:infos|actualites|nouvelles|resultats)|scores?|bourse|actions|prix|"
    r"tarifs?|billets?|horaires?|heure|mails?|messages?|pharmacies?|restaurants?|hotels?|medecins?|distributeur|"
    r"cours du)"
)
_KIN = (
    r"(?:(?:grand[ -]?)?(?:mere|pere)|maman|papa|freres?|soeurs?|fils|fille|enfants?|bebe|mari|femme|epou[xs]e?|"
    r"compagn(?:on|e)|copain|copine|oncle|tante|cousine?|ami(?:e|s)?|parents?|chien|chat|collegue|beau[ -]pere|"
    r"belle[ -]mere|mamie|papi|papy)"
)
_NUMBER = r"(?:une?|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|vingt|[0-9]+)"
_PICK = (
    r"(?:premiere?|second[e]?|deuxieme|troisieme|quatrieme|cinquieme|derniere?|autre|rouges?|bleu[es]?|verte?s?|"
    r"noire?s?|blanc(?:he)?s?|jaunes?|gris[e]?|rose|grande?s?|petite?s?|moyen(?:ne)?|cher|chere|tot|tard|droite|"
    r"gauche|haut|bas|nouve(?:au|lle)|long(?:ue)?|court[e]?|(?:pres|cote|du cote|cote) (?:de la |du |d)?(?:fenetre|"
    r"couloir|hublot)|(?:plus|moins) \w+|celui[ -](?:ci|la)|celle[ -](?:ci|"
    r"la))"
)
_DAY = r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
_COMMAND = (
    r"(?:allumez?|eteins|eteignez|eteint|mets|mettez|enlevez?|montez?|augmentez?|baissez?|diminuez?|ouvrez?|ouvre|"
    r"fermez?|appelez?|appelle|envoyez?|envoie|reservez?|annulez?|changez?|change|ajoutez?|supprimez?|effacez?|"
    r"cherchez?|trouvez?|montrez?|dis|dites|donnez?|racontez?|lis|lisez|ecris|ecrivez|redigez?|traduis|traduisez|"
    r"expliquez?|decris|decrivez|resumez?|recommandez?|conseillez?|suggerez?|calculez?|convertis|convertissez|"
    r"rappelez?|rappelle|previens|prevenez|reveillez?|repetez?|joue[zs]?|lance[zs]?|arretez?|stoppez?|continuez?|"
    r"commencez?|fais|faites|aidez?|apporte[zs]?|commandez?|achetez?|apprenez|apprends|gardez?|enregistrez?|"
    r"programmez?|activez?|desactivez?|connectez?|passez?|chantez?|verifiez?|consultez?|regardez?|comparez?|"
    r"planifiez?|navigue[zs]?|coupez?|notez?)"
)

_TURNS = TurnRules(
    variants=_UNACCENTED,
    filler=one_of(
        r"ouais(?: ok| daccord)?|ok+|ah (?:oui|bon|ok|daccord)|mouais",
        r"euh+|heu+|hum+|hm+|m+h*m*|ah+|oh+|ben|bah|bon|bien|ok|okay|oui|ouais|non|si|alors|donc|et|mais|"
        r"voila|dis(?:[ -]moi)?(?= *,)|dites(?: donc)?(?= *,)|ecoute[zs]?|pardon|desole[e]?|excuse[zs]?["
        r" -]moi|daccord|tres bien|parfait|super|genial|entendu|cest bon|tout a fait|exactement|aussi|ensuite|"
        r"en fait|au fait|eh bien|peut[ -]etre|ca marche|sil (?:vous|te) plait|tiens|ca va(?= *,)",
        end=r"(?![\w-])",
    ),
    greeting=one_of(
        r"(?:re)?bonjour(?: a (?:tous|toutes|vous|toi))?|bonsoir(?: a (?:tous|toutes|vous))?|salut(?: a tous|"
        r" toi)?|coucou|allo+|hello|bonne? (?:matinee?)|bien le bonjour",
        end=r"(?![\w-])",
    ),
    closing=one_of(
        r"(?:non |un grand |mille |grand )?merci(?: (?:beaucoup|bien|infiniment|mille fois|encore|a vous|a"
        r" toi|a tous))*(?: (?:pour|de|davoir) (?:tout|(?:votre|ton|ta|lavotre|vos) \w+|laide|mavoir"
        r" aide[e]?))?|au revoir|aurevoir|a (?:bientot|demain|plus(?: tard)?|tout a lheure|la prochaine|tout"
        r" de suite|ce soir)|bonne (?:journee|soiree|nuit|fin de journee|continuation)|bon (?:week[ -]?end|"
        r"apres[ -]midi)|adieu|ciao|bye",
        r"(?:cest|ce sera) tout(?: pour (?:aujourdhui|le moment))?|cest (?:gentil|tres aimable|sympa)|rien dautre|"
        r"je (?:vous|te) remercie(?:"
        r" beaucoup| infiniment)?|ca ira(?: merci)?|prenez soin de vous",
        end=r"(?![\w-])",
    ),
    thanks=Pattern(
        r"(?:(?:ok|bon|non|oui|parfait|super|tres bien|daccord|et|ah)[, ]*)*(?:je vous )?(?:merci|remercie)\b"
    ),
    parting=Pattern(r"\b(?:merci(?: beaucoup)?|au revoir|a bientot)[.! ]*$"),
    small_talk=one_of(
        r"(?:et )?(?:(?:comment )?(?:ca va|vas[ -]tu|tu vas|allez[ -]vous|vous allez)(?: bien)?(?: aujourdhui|"
        r" ce matin| toi| vous)?|(?:tu|vous) (?:vas|allez) bien|quoi de neuf|(?:tu|vous) (?:mentends|"
        r"mentendez|etes la|es la)|(?:est[ -]ce que )?(?:vous|tu) m[’']?enten(?:dez|ds)|il y a quelquun|"
        r"enchante[e]?|ravie? de vous (?:rencontrer|entendre))",
        end=r"[ .!?]*",
    ),
    name=Pattern(r"(?:(?:je mappelle|moi cest|cest|je suis|mon nom est|ici) (?:\w+ )?)?[^\W\d_]+"),
    request=one_of(
        r"(?:est[ -]ce que )?(?:tu|vous) (?:peux|pouvez|pourrais|pourriez|voulez bien|veux bien|sauriez)(?!"
        r" (?:croire|imaginer))|(?:peux|pourrais)[ -]tu|(?:pouvez|pourriez|voulez|auriez)[ -]vous|ca vous"
        r" (?:derange|ennuie)|serait[ -]il possible|est[ -]il possible (?:de|davoir)|(?:est[ -]ce que )?(?:je|"
        r"on) (?:peux|peut|pourrais|pourrait) (?:avoir|reserver|parler|commander|annuler|changer|prendre)|"
        r"puis[ -]je (?:avoir|reserver|parler)",
        r"(?:je|on|jai|jaimerais|moi je) ?(?:(?:voudrais|voudrait|veux|souhaite|souhaiterais|desire|cherche|"
        r"aimerais|aimerait)|besoin)(?! (?:mourir|en finir|dire que))|jaimerais|jai besoin|jaurais besoin|il"
        r" me (?:faut|faudrait)",
        rf"(?:(?:ne |n)?(?:oublie[zs]? pas|mets pas|eteins pas))|{_COMMAND}(?:[ -](?:moi|nous|lui|leur|le|la|"
        rf"les|en|y|toi|vous))*|au secours|a laide|aide|une? .* sil (?:vous|te) plait$",
        end=WORD_ENDS,
    ),
    question=one_of(
        r"(?:y a|il y a|ya)(?:-t-il|t il)? (?:un|une|des|du|de la|encore|quelque|quelquun)",
        r"(?:(?:a|de|en|avec|pour|par|depuis|jusqua|dans|sur|et|mais|chez) )?(?:est[ -]ce qu\w*|quest[ -]ce"
        r" qu\w*|quest[ -]ce|qui[ -]est[ -]ce|quels?|quelles?(?! (?:chance|horreur|honte|bonne surprise|belle"
        r" journee))|qui(?! (?:sait|vivra))|que(?! (?:je|tu|la|le|de|du|dalle))|quoi|pourquoi|combien|"
        r"comment(?! (?:je|jai))|ou(?= (?:est|sont|en|se|puis|peut|on|il|elle|ca|vais|va|trouver|habit|y|as|"
        r"avez|sommes))|quand(?= (?:est|sont|part|arrive|ouvre|ferme|vient|commence|finit|aura|va|a|passe|"
        r"puis|dois|sera|le|la|les|mon|ma|mes)))",
        r"(?:y a[ -]t[ -]il|il y a (?:du|de la|des|un|une|encore)|(?:\w+)[ -]t[ -](?:il|elle|on)|(?:est|sont|"
        r"a|ont|fait|va|vont|peut|doit|faut|serait|sera|etait)[ -](?:ce|il|elle|ils|elles|on)|(?:puis|dois|"
        r"suis|ai)[ -]je|(?:sais|connais|as|es|crois|penses|aimes)[ -]tu|(?:savez|connaissez|avez|etes|croyez|"
        r"pensez|aimez)[ -]vous|tu (?:sais|connais|crois|penses)|vous (?:savez|connaissez|croyez|pensez)|cest"
        r" (?:quoi|qui|ou|quand|combien)|faut il|on peut|je me demande|je peux|je dois)",
        end=WORD_ENDS,
    ),
    question_inside=Pattern(
        r"\b(?:quel temps|quelle heure|est[ -]ce qu\w*|combien (?:ca|de|coute|est)|pourquoi (?:le|la|les|est|"
        r"ca|il|mon|ma)|cest (?:quoi|combien|ou)|ou est|que faire|nest[ -]ce pas$|ou pas$|non$|qui (?:a|est)"
        r" \w+)\b"
    ),
    request_inside=Pattern(
        r"\bsil (?:vous|te) plait$|\b(?:pouvez[ -]vous|pourriez[ -]vous|peux[ -]tu|tu peux|vous pouvez) (?:\w+"
        r" )?\w+(?:er|ir|re)\b|\bjai besoin (?:de|que)\b|\baidez[ -]moi\b"
    ),
    explain=word(
        r"pourquoi|comment (?:on|je|tu|fait|faire|faites|faut|fonctionne\w*|marche\w*|ca (?:marche|fonctionne|"
        r"se fait)|se \w+|puis|peut|peux|preparer|calcul\w+|change\w*|cuire|aller|le|la|les)|"
        r"comment est[ -]ce qu\w+ (?!tu vas|vous allez)|(?:que|quest[ -]ce que) (?:ca )?(?:signifie|veut"
        r" dire)|(?:veut|voulait) dire|differences? entre|expliqu\w+|apprend\w*|etape par etape|pas a pas|"
        r"compar\w+|decri\w+|a quoi (?:sert|ca sert)"
    ),
    seek=word(
        rf"cherch\w+(?! (?:a|mes|mon))|trouv\w+|recherch\w+|consult\w+|verifi\w+|localis\w+|renseign\w+|"
        rf"regard\w+ (?:si|ou|la|le|les|mon|ma|mes)|(?:dis|dites|donne|montre|lis|savoir|voir|dire|"
        rf"connaitre)\w*\b.{{0,30}}\b{_LIVE}"
    ),
    live=word(
        r"(?:dans le coin|pres dici|par ici|a cote|aux alentours|dans le quartier)",
        _LIVE,
        r"quelle heure|quand (?:part|arrive|ouvre|ferme|vient|commence|est|passe)|combien (?:coute|ca coute|ca"
        r" fait|vaut|de temps|est|dure)|cest combien|ou (?:est|sont|se trouve|en est|puis|trouver)|pres"
        r" (?:dici|de)|a proximite|ouverte?s?|pleut|pleuvoir|pluie|neige|neiger|(?:fait|fera)[ -]t?[ -]?il"
        r" (?:froid|chaud|beau)",
    ),
    choice=one_of(
        rf"(?:(?:je|prefere|veux|plutot|moi|prends|prendrai|vais prendre|pour moi|on dit|disons|cest|va pour)"
        rf" )*(?:(?:le|la|les|l|un|une) ?)?(?:(?:option|numero|choix|taille|reponse) )?(?:{_PICK}|{_NUMBER}|"
        rf"[a-e])(?: (?:option|taille|fois|choix|personnes?|nuits?|jours?|places?|heures?|de (?:gauche|"
        rf"droite)))*(?: (?:a|en|pour) {_NUMBER} ?(?:heures|h)?)?",
        rf"(?:le |pour |ce )?{_DAY}(?: (?:prochain|matin|soir|apres[ -]midi|a {_NUMBER} ?(?:heures|h)))*|a"
        rf" {_NUMBER} ?(?:heures|h)(?: et demie)?(?: du (?:matin|soir))?|pour {_NUMBER}(?: personnes)?|les"
        rf" deux|nimporte lequel|nimporte|aucun|aucune|peu importe|je mappelle \w+(?: \w+)?|mon nom est \w+(?:"
        rf" \w+)?",
        end=r"(?: sil (?:vous|te) plait| merci)?[ .!,]*$",
    ),
    correction=one_of(
        r"^(?:mais |ah |eh )*non+,? (?:mais )?(?:je (?:vous|te) (?:parle|dis|parlais|disais)|cest pas|"
        r"je parle|jai dit)",
        r"^(?:non+|pardon|desole[e]?|ah non|mais non)[, ]+(?:non+[, ]+)?(?:pas |jai (?:dit|demande)|je"
        r" (?:disais|voulais dire|parle|parlais|dis)|ce (?:nest|netait) pas|cest (?:le|la|pas)|cetait|lautre|"
        r"plutot)",
        r"\b(?:ce (?:nest|netait) pas (?:ca|cela|ce que)|cest pas (?:ca|ce que)|pas ce que (?:je|jai)|je"
        r" voulais dire|je parlais de|jai dit (?!que)|vous vous trompez|tu te trompes|vous mavez mal compris|"
        r"tu (?:as|mas) mal compris|mal compris|je me suis tromp\w+|plutot que|je rectifie|correction)\b|^en"
        r" fait[, ]+(?:non|cest|cetait|je voulais)",
    ),
    complaint=word(
        r"(?:jai|on a|nous avons) (?:commande|achete|paye|demande|reserve|envoye) .{0,25}(?:et|mais) (?:toujours|"
        r"encore|je nai|on na|rien|pas)\b|toujours rien$|(?:ma|mont|ont|nous a|a) (?:facture|preleve|"
        r"debite|compte)[es]* (?:deux|2|plusieurs) fois",
        r"(?:que |et )?jattends? (?:depuis|encore)|(?:ca fait|depuis) .{1,30} (?:que )?(?:jattends|jattend|on"
        r" attend)|personne ne (?:me |nous )?(?:repond|rappelle|aide|fait|decroche)|inadmissible|inacceptable|"
        r"honteux|scandaleux|scandale|arnaque|reclamation|(?:me|de) plaindre|plainte|ras le bol|marre|"
        r"nul(?:le)?(?= )|lamentable|une honte|(?:mauvais|pire) service|service (?:est )?(?:nul|horrible|"
        r"deplorable|pourri)|nimporte quoi|vous vous moquez|ridicule|en colere|furieu(?:x|se)|un desastre|"
        r"foutage",
        r"(?:toujours|encore) pas (?:arrive|recu|fonctionne|marche|ete|repondu|eu|venu|livre|rembours)\w*|"
        r"(?:ne )?(?:marche|fonctionne|demarre|sallume) (?:pas|plus|toujours pas)|(?:est|sont|tombe[e]?) (?:en"
        r" panne|casse[es]*|abime[es]*)|jamais (?:arrive|recu|venu)\w*|plante (?:tout|sans|encore)|insupportable|"
        r"a bout|(?:est|sont) (?:perdu|perdue|perdus|introuvable|disparu)|repond(?:ez|ent)? (?:jamais|pas)|"
        r"ne faites rien|(?:facture|preleve|debite)[es]*"
        r" (?:deux|en double|trop)",
    ),
    grave=word(
        r"nen (?:a|ai|ont) plus (?:que )?pour (?:quelques|un|deux|trois|longtemps)|(?:mois|semaines|"
        r"jours) a vivre|phase terminale|soins palliatifs",
        rf"(?:(?:mon|ma|mes|notre|son|sa) (?:\w+ )?{_KIN}|il|elle)(?: \w+){{0,2}} (?:est|sont|a ete|vient de|"
        rf"va) (?:\w+ )?(?:morte?s?|decede[es]*|mourir|deceder|tuee?|suicide[e]?|mourant[e]?)|(?:jai|on a|nous"
        rf" avons) perdu (?:mon|ma|mes|notre|le|un) (?:{_KIN}|enfant)|(?:deces|mort|perte|enterrement|obseques|"
        rf"funerailles) de (?:mon|ma|mes|notre|son|sa)|(?:mon|ma) {_KIN} (?:nous a quittes|sest eteinte?|sest"
        rf" suicide[e]?)",
        rf"(?:jai|(?:mon|ma) {_KIN} a|diagnostique|avoir|atteinte? (?:dun|de))(?: \w+){{0,3}} (?:cancer|tumeur|"
        rf"leucemie|alzheimer)|cancer (?:en phase )?termina\w+|fausse couche|phase terminale|(?:mon|ma)"
        rf" (?:mari|conjoint|copain|femme|pere) me (?:bat|frappe)|viole[e]?|agressee? sexuellement",
    ),
    urgent=word(
        r"(?:envie|veux|voudrais|prefere) (?:de |d)?(?:mourir|en finir|me tuer|me suicider|disparaitre)|"
        r"suicid(?:er|e|aire)|denfinir|den finir|me tuer|me faire du mal|plus envie de vivre|(?:ne )?veux plus"
        r" vivre|mettre fin a mes jours|me scarifi\w+|mouvrir les veines",
        r"ambulance|le samu|appel\w+ (?:les pompiers|la police|les secours)|(?:ne |n)?respire (?:pas|plus)|"
        r"arrive (?:pas|plus) a respirer|inconsciente?|infarctus|crise cardiaque|avc|evanouie?|overdose|"
        r"incendie|le feu|en feu|(?:fuite|odeur) de gas|ca sent le gaz|fuite de gaz|urgence(?: vitale)?|au"
        r" secours|a laide|on (?:mattaque|me suit|magresse)|cambriole|setouffe|se noie|saigne (?:beaucoup|"
        r"enormement)|hemorragie|convulsions?|a avale",
    ),
)

_WORDS = WordsRules(
    variants=_UNACCENTED,
    writing="words",
    full_stop=".",
    comma=",",
    filler=one_of(
        r"euh+|heu+|hum+|h*m+|ah+|oh+|bon|bien(?! sur)|ok|okay|alors|tres bien|entendu|compris|ben|eh bien|et|mais",
        end=r"(?![\w-])",
    ),
    yes_no=one_of(
        r"oui|non|si|ouais|bien sur|daccord|certainement|absolument|evidemment|naturellement|tout a fait|"
        r"exactement|exact|effectivement|en effet|cest (?:vrai|exact|juste|ca|bon)|vous avez raison|peut["
        r" -]etre|probablement|sans doute|jamais|je (?:crois|pense que)|volontiers|pas de probleme|pas de"
        r" souci|parfait|ca marche",
        end=r"(?![\w-])",
    ),
    question=one_of(
        r"(?:quels?(?! plaisir)|quelles?(?! (?:joie|triste|bonne))|quest[ -]ce|est[ -]ce|qui|que(?! je)|quoi|"
        r"pourquoi|combien|"
        r"comment|quand|ou(?= )|voulez|pouvez|avez|souhaitez|puis)",
        end=WORD_ENDS,
    ),
    promise=word(
        r"secondes?|minutes?|instants?|moments?|heures?|tout de suite|immediatement|bientot|aussitot|"
        r"patientez|attendez|ne quittez pas|je (?:vais|peux|ferai|promets|garantis|men occupe|vous (?:trouve|"
        r"donne) ca)|on va|nous (?:allons|pouvons)|jarrive|cest fait|cest parti|je reviens|je (?:vous"
        r" )?\w+(?:erai|irai|drai|verrai)"
    ),
    refusal=word(
        r"desole[e]?|excuse[zrs]?\w*|malheureusement|helas|(?:ne|n)(?: \w+)? (?:peux|sais|puis) pas|je ne sais|"
        r"impossible|regrette|modele de langage|assistant\w*|intelligence artificielle|je crains"
    ),
    claim=word(r"est|sont|etait|etaient|a ete|cest(?! (?:note|un plaisir))|il y a|fait|coute|signifie|sera"),
    acknowledges=word(
        r"laissez|voyons|regard\w+|je vois|je comprends|compris|entendu|note|notee?|je (?:note|cherche|"
        r"consulte|verifie|reprends|prends|reflechis|garde|poursuis|continue|jette|me penche|my mets|vous)|"
        r"prenons|reprenons|allons|continuons|merci|bonjour|bienvenue|bonsoir|plaisir|joie|bonne question|"
        r"reflechir|hm+|hum|tres bien|bien|alors|je vous (?:ecoute|entends|suis|en prie)|prenez soin|"
        r"interessant|ah"
    ),
    vocabulary=words_of("""
        a agacement ah ai aide aider aimerais ainsi aller allons allons-y alors appel attention attentivement au
        autour autrement aux avec avoir beaucoup bien bienvenue bon bonjour bonne bons c'est ca calmement ce cela ces
        cest cet cette cherche chercher chez choix chose choses claire comme comment comprendre comprends compris
        consulte consulter continue continuons correction corriger dans de debut demande depuis des detail details
        dire donc donnees du début echange ecoute ecriture eh elle en encore ensemble entendre entends entendu esprit
        essayer et etape etudier examiner expliquer facon faire faut garde grand hmm idee idees il info information
        informations infos je jete jette joie juste la la-dessus laissez-moi lavoir le les leur lien lordre m'en m'y
        ma maintenant mais me meilleur men merci mes mets mettre mieux moi mon mot mots my ne note notee noter nous
        nouveau oeil oh on ordre ou par parle parler part partir pas passe penche pencher penser peu plaisir plaît
        plus point pour poursuis precision prendre prends prenez prenons pres prie procede proceder propos que quel
        quelle question qui quoi rassembler recherche reflechir regard regarder reponse reprendre reprends reprenons
        ressentez retrouver s sa se secours sen serieusement serieux ses si signale situation soin son sous suis sujet
        sur surs ta te temps tete toujours tout toute tres trouve trouver un une va vais vas verifier vers veux voici
        voir vois vos votre voulez vous voyez voyons vraiment y œil
    """),
)

LANGUAGE = Language(
    turns=_TURNS,
    words=_WORDS,
    last_reply="La dernière réponse a commencé ainsi ; commencez autrement :",
    prompt="""\
Vous êtes la première voix d'un assistant vocal. L'utilisateur vient de parler et un collègue prépare la \
réponse. \
Dites en français, en vouvoyant, une seule phrase courte, de trois à huit mots, qui montre que vous avez \
entendu de quoi il s'agit, \
par exemple : Laissez-moi regarder cela.
Si l'utilisateur ne fait que saluer, saluez ; s'il remercie ou prend congé, soyez aimable.
Ne répondez pas, n'acceptez pas, ne refusez pas, ne promettez rien, ne demandez rien. Ni oui ni non, pas de \
nombre, pas de délai, aucun nom ni fait nouveau.
Écrivez seulement les mots à dire, sur une ligne, sans guillemets.""",
)
