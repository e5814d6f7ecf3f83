"""Names of segments → references to them."""

from segctl.catalog import RELATIONS, Attribute, Catalog, ObjectType, Relation
from segctl.conditions import hints, literals, syntax
from segctl.conditions.binding_paths import Scope
from segctl.conditions.binding_times import TimeBinder
from segctl.conditions.names import Reference, SegmentNames
from segctl.conditions.nodes import InSegment
from segctl.conditions.source import Source
from segctl.errors import ConditionError


class SegmentBinder(TimeBinder):
    """`references` collects the segments that it meets."""

    def __init__(self, source: Source, catalog: Catalog, segments: SegmentNames) -> None:
        super().__init__(source, catalog)
        self._segments = segments
        self.references: list[Reference] = []

    def in_segment(
        self, hops: tuple[Relation, ...], scope: Scope, node: syntax.InSegment
    ) -> InSegment:
        if isinstance(scope, Attribute):
            raise self.scope_error(node.start, node.end, scope)
        type = hops[-1].target if hops else scope
        name, _ = literals.decode_text(self.source, node.name)
        if type is ObjectType.EVENT:
            raise self.source.error(
                node.start,
                node.end,
                "events are in no segments",
                'write contact in segment "…"',
            )
        found = self._segments.find(type, name)
        if found is None:
            raise self._segment_error(hops, type, name, node)
        segment, spelling = found
        reference = Reference(node.name.start, node.name.end, type, spelling, segment)
        self.references.append(reference)
        return InSegment(hops, type, spelling, segment)

    def _segment_error(
        self, hops: tuple[Relation, ...], type: ObjectType, name: str, node: syntax.InSegment
    ) -> ConditionError:
        hint = hints.nearest(name, self._segments.names(type))
        if hint is None and not hops:
            for relation in RELATIONS[type].values():
                if self._segments.find(relation.target, name):
                    inner = f"in segment {literals.quote(hints.short(name))}"
                    way = f"any {relation.name} ({inner})"
                    hint = f"it is a segment of {relation.target}: write " + (
                        way if relation.to_many else f"{relation.name} {inner}"
                    )
                    break
        return self.source.error(
            node.name.start,
            node.name.end,
            f"there is no segment {literals.shown(name)} of {type}",
            hint or f"segctl segments list --type {type} shows what there is",
            segment=name[:200],
        )
