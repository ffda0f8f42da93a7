"""The backward closure of docs/EVENTS.md, "Causality": an engine finds what flows into a frontier, numpy raises the bounds."""
import numpy

ERROR_NS = 10_000_000
NEVER = numpy.iinfo(numpy.int64).min


class Bounds:
    """
    R_s(v) for each node v and source s. Of a node all sources but at most one have the same bound (graph/label.h says
    why), so a node has two times and a source: `own` for events of `source`, `rest` for all others.
    """

    def __init__(self, node_count):
        self.rest = numpy.full(node_count, NEVER)
        self.own = numpy.full(node_count, NEVER)
        self.source = numpy.full(node_count, -1)

    def raise_to(self, nodes, own, rest, source):
        """Joins labels, several a node. Returns the nodes whose bounds rose."""
        touched = numpy.unique(nodes)
        before = self.rest[touched], self.own[touched], self.source[touched]
        # The old labels join in as if they had been handed on again.
        nodes = numpy.concatenate((nodes, touched))
        own, rest, source = (numpy.concatenate(pair) for pair in ((own, before[1]), (rest, before[0]), (source, before[2])))
        numpy.maximum.at(self.rest, nodes, rest)
        best = rest == self.rest[nodes]
        self.source[nodes[best]] = source[best]  # any label of the latest rest: if there are two, `own` becomes `rest`
        self.own[touched] = NEVER
        numpy.maximum.at(self.own, nodes, numpy.where(source == self.source[nodes], own, rest))
        alike = touched[self.own[touched] == self.rest[touched]]
        self.source[alike] = -1
        rose = (self.rest[touched] != before[0]) | (self.own[touched] != before[1]) | (self.source[touched] != before[2])
        return touched[rose]


def closure(engine, node_count, start, start_source, at_ns):
    """Rounds until no bound rises. Returns the nodes, how many rounds, and how many flows were fetched."""
    bounds = Bounds(node_count)
    own = at_ns if start_source >= 0 else at_ns + ERROR_NS
    frontier = bounds.raise_to(numpy.array([start]), numpy.array([own]), numpy.array([at_ns + ERROR_NS]), numpy.array([start_source]))
    rounds = fetched = 0
    while frontier.size:
        rounds += 1
        dst, src, first, last, source = engine.into(frontier, bounds.rest[frontier])
        fetched += dst.size
        pair = source < 0
        bound = numpy.where((source == bounds.source[dst]) & ~pair, bounds.own[dst], bounds.rest[dst])
        keep = (first <= bound) & (src != dst)
        dst, src, last, source, bound, pair = (column[keep] for column in (dst, src, last, source, bound, pair))
        handed_own = numpy.where(pair, bounds.own[dst], numpy.minimum(last, bound))
        handed_rest = numpy.where(pair, bounds.rest[dst], numpy.minimum(last + ERROR_NS, bounds.rest[dst]))
        handed_source = numpy.where(pair, bounds.source[dst], source)
        frontier = bounds.raise_to(src, handed_own, handed_rest, handed_source)
    return numpy.flatnonzero(bounds.rest > NEVER), rounds, fetched
