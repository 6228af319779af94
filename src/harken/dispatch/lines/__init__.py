"""How a target is talked to: segments out, events back, looks and proofs.

`line` is the interface; `wire_line` speaks to instances of ours, `openai` to anybody with OpenAI's audio API, and
`either_line` finds out which.
"""
