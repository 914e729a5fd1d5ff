"""How an instance grows and shrinks inside its budget: one pure function, `policy.decide`.

Nothing here looks at the world. Whoever calls it reads a `Sample`, keeps the `State` it gets back,
and acts on the `Decision`s: the resident agent on a real instance, the simulator on a made-up one.
"""
