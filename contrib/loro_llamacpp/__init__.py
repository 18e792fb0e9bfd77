"""llama.cpp's own HTTP server for one GGUF file, as a program: python -m loro_llamacpp --model PATH --port N.

The server comes with the package xllamacpp (extra `llamacpp`): nothing else is to be installed. It knows nothing of
loro and can be run by hand; loro starts it as it starts any other server.
"""
