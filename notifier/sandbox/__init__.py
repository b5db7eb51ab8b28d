"""The stand-in for WeChat's server and for merchants' webhook receivers, for tests and load.

It refuses what WeChat refuses, never sends anything to anybody, and writes every effect to disk
before it answers, so that a judge can count afterwards what really happened.
"""
