"""What the verbs mean: each written once, as a coroutine that speaks only through its port."""
