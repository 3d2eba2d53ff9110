"""Values and states of the proof about deferred C (scripts/deferred_c.py).

A value is a sum of named unknowns, each times a number, and a number, modulo 2^64:
(((name, factor), ...), number), the names being tuples.  A state is one possibility: what
registers and the frame hold, and what comparisons have told of the unknowns.
"""
from typing import NamedTuple

MASK = 2 ** 64 - 1
ZERO = ((), 0)
ENUMERATED = 64   # an unknown that is known to be no larger is tried with each value


# ---- Sums ---------------------------------------------------------------------------

def unknown(*name):
    """A value that is nothing but a name."""
    return ((name, 1),), 0


def const(n):
    """A value that is known."""
    return (), n & MASK


PAGE = unknown("page")


def add(a, b, times=1):
    """a + b * times."""
    terms = dict(a[0])
    for name, factor in b[0]:
        terms[name] = (terms.get(name, 0) + factor * times) & MASK
    return tuple(sorted(((n, f) for n, f in terms.items() if f), key=repr)), \
        (a[1] + b[1] * times) & MASK


def low(value, size):
    """The lower bytes of a value."""
    if size == 8:
        return value
    if not value[0]:
        return const(value[1] & (1 << 8 * size) - 1)
    name = value[0][0][0]
    if len(value[0]) == 1 and value[0][0][1] == 1 and not value[1] and \
            name[0] in ("low", "data", "machine") and name[-1] <= size:
        return value
    return unknown("low", value, size)


def with_number(value, name, n):
    """A value where an unknown is known to be a number."""
    factor = dict(value[0]).get(name, 0)
    return add(add(value, (((name, 1),), 0), -factor), const(n * factor)) if factor else value


def told(value):
    """A value, in words."""
    return " + ".join([*(f"{'' if factor == 1 else f'{factor:#x} * '}{'-'.join(map(str, name))}"
                         for name, factor in value[0]), f"{value[1]:#x}"])


def from_page(value):
    """How far behind the thread's page, or None."""
    return value[1] if value[0] == PAGE[0] else None


class State(NamedTuple):
    """One possibility."""
    regs: tuple
    mem: tuple = ()         # ((offset into the page, size), value)
    bounds: tuple = ()      # (value, the most that it is)
    zero: tuple = ()        # (value, is it zero?)
    known: tuple = ()       # (name, number)
    flags: tuple = ()
    interrupts: bool = False
    open: bool = False      # STAC
    count: int = 0

    def reg(self, name):
        """A register's value."""
        return dict(self.regs)[name]

    def set(self, name, value):
        """The same with one changed."""
        return self._replace(regs=tuple((n, value if n == name else old)
                                        for n, old in self.regs))

    def fresh(self, name, value):
        """The same with an unknown value in one."""
        return self._replace(count=self.count + 1).set(name, value)

    def instead(self, name, n):
        """The same where an unknown is known to be a number."""
        def change(value):
            return with_number(value, name, n)
        return self._replace(known=(*self.known, (name, n)), regs=tuple((r, change(v)) for r, v in self.regs),
                       mem=tuple((p, change(v)) for p, v in self.mem),
                       bounds=tuple((change(v), m) for v, m in self.bounds),
                       zero=tuple((change(v), z) for v, z in self.zero))


# ---- Conditions ----------------------------------------------------------------------

def known_zero(state, value):
    """Is it zero?  None: who knows."""
    if not value[0]:
        return not value[1]
    return dict(state.zero).get(value)


def with_zero(state, value, truth):
    """The same, knowing that."""
    return state._replace(zero=(*state.zero, (value, truth)))


def with_bound(state, value, most):
    """States that know value <= most."""
    if most < 0:
        return []
    if not value[0]:
        return [state] if value[1] <= most else []
    if most <= ENUMERATED and len(value[0]) == 1 and value[0][0][1] == 1 and not value[1]:
        return [state.instead(value[0][0][0], n) for n in range(most + 1)]
    return [state._replace(bounds=(*state.bounds, (value, most)))]


def below(state, a, b, other):
    """States in which a < b; a <= b, if OTHER."""
    if not b[0]:
        return with_bound(state, a, b[1] - (not other))
    if not a[0] and not other and a[1] == MASK:
        return []
    return [state]


def compared(state, a, b, truth, other):
    """States in which (a < b, or a <= b with OTHER) is TRUTH: the bound of either side."""
    if truth:
        return below(state, a, b, other)
    return with_bound(state, b, a[1] - other) if not a[0] else \
        below(state, b, a, not other)


def condition(state, name):
    """[(taken?, state)]."""
    if not state.flags or name not in ("e", "ne", "b", "ae", "a", "be"):
        return [(True, state), (False, state)]
    if len(state.flags) == 1 and name not in ("e", "ne"):
        return [(True, state), (False, state)]
    a, b = state.flags if len(state.flags) == 2 else (*state.flags, ZERO)
    if name in ("e", "ne"):
        value = add(a, b, -1)
        known = known_zero(state, value)
        return [((truth == (name == "e")), state if known is not None else
                 with_zero(state, value, truth))
                for truth in (True, False) if known in (None, truth)]
    other = name in ("a", "be")
    return [(truth == (name in ("b", "be")), then) for truth in (True, False)
            for then in compared(state, a, b, truth, other)]
