"""For plugin authors and our own tests: conformance kits, a scripted upstream, a way to run trio tests.

Importing this package needs nothing beside loro itself; `trio_tests` is a pytest plugin.
"""
