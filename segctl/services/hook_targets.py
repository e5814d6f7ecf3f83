"""Which hooks hear of which segment."""

from collections.abc import Iterable

from segctl.config_hooks import Hook
from segctl.services.segment_views import SegmentView
from segctl.store.functions import fold


def hears(hook: Hook, view: SegmentView) -> bool:
    """Whether the hook is to be told of the segment: by its name, its id, its type, or at all."""
    if hook.type is not None and hook.type != view.type.value:
        return False
    if not hook.segments:
        return True
    names = {fold(name.strip()) for name in hook.segments}
    return bool(names & {fold(view.name), f"#{view.id}"})


def hearing(hooks: Iterable[Hook], view: SegmentView) -> tuple[str, ...]:
    """The names of the hooks that hear of the segment."""
    return tuple(hook.name for hook in hooks if hears(hook, view))
