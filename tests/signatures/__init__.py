"""What checkers and editors are told of the verbs, held to what the verbs are."""
