"""Local models, alive: the processes, who may call them, and what is known of them. What is to be done is decided in
`decide.fleet`.

model_fleet.py   all models of a gateway: what may be asked of them by hand, and what is known
seating.py       carries out what the dispatcher orders; instances.py: one instance as it holds it
seats.py         a provider that takes a seat for each try; waiter.py: who waits for one
fleet_events.py  what happens, told to whoever listens
supervisor.py    one task for each instance, the only writer of its state
process.py       a server's process, through its keeper: keeper.py, a program that leaves nothing behind
ports.py         a free port; listeners.py: whose sockets listen at it; probing.py: whether the server is well
log_ring.py      what the servers wrote, the latest of it
"""
