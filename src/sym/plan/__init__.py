"""Pure decisions: a frozen view and an instant go in, a Plan comes out."""
