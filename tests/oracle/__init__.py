"""The outside judge: it reads API servers only and shares no code with what it judges."""
