"""When a voice client lets text out to speech, and how an acknowledgement is shaped so that it is let out at once.

profile.py     the clients by name; what each lets out of a text; the shape of an acknowledgement for each
rules.py       how a client collects what is streamed, one rule a kind of client
sentences.py   where two sentence splitters, Pipecat's and LiveKit's, see a sentence end
markdown.py    what LiveKit's text filter holds back
recognise.py   which client sends a request
"""
