"""Which requests go to which instances of local models, and which processes run for them: values in, orders out.

dispatch.py    the dispatcher: what follows from what happens; it composes the others
orders.py      what is said in both directions: events, actions, settings
roster.py      who serves which model, and what of it may be given out
seating.py     which request gets which seat
  admit.py       the queue: bounded, fair between callers
  balance.py     the policies that pick an instance; scorers.py, prefixes.py: what they go by
  breaker.py     an instance that fails is left alone for a while
  failover.py    whose failure it was, and whether another place may be asked
staffing.py    which processes are started and stopped
  placement.py   what makes room for one more; residents.py: whom that may concern
  scaling.py     how many instances a model has
  turns.py       how models that want the same room take turns
alarms.py      when to look again
lifecycle.py   the life of one instance, as a table of moves
  launching.py   its command; liveness.py: when it counts as dead
"""
