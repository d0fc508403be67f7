"""Changing a declaration after its acceptance (修改), and taking it back (撤销): `domain.md` A.6, D.8."""
