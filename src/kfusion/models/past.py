"""What a network that follows a streamed voice remembers from one piece of sound to the next.

Sound comes in blocks of 100 ms: 5 speech steps at 50 Hz and 3 landmark frames at 30 fps, the least that both
rates divide. A layer sees its own block whole, the blocks before it, and nothing later, so that a clip at
once and the same clip in pieces give the same values.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BLOCK_STEPS, BLOCK_FRAMES = 5, 3


class Past:
    """The states of all layers, taken and left behind in the order in which the layers run.

    Args:
        blocks: how many this piece holds.
        seen: how many came before it, (1,).
        states: `kept` of the piece before; None at the start of the sound, where nothing is remembered.
    """

    def __init__(self, blocks: int, seen: Int[Tensor, " 1"] | None = None, states: Sequence[Tensor] | None = None):
        self.blocks = blocks
        self.seen = torch.zeros(1, dtype=torch.long) if seen is None else seen
        self.kept: list[Tensor] = []
        """For the piece that follows."""
        self._states = None if states is None else iter(states)

    def take(self) -> Tensor | None:
        """The next state of the piece before, which the caller follows with one `keep`; None at the start."""
        return None if self._states is None else next(self._states)

    def keep(self, state: Tensor) -> None:
        """Leave a state behind."""
        self.kept.append(state)

    def extend(self, x: Float[Tensor, "batch time width"], count: int) -> Float[Tensor, "batch longer width"]:
        """`x` with the `count` values that stood before it; zeros stand before the start."""
        before = self.take()
        longer = torch.cat([x.new_zeros(x.shape[0], count, x.shape[2]) if before is None else before, x], dim=1)
        self.keep(longer[:, -count:])
        return longer

    def attend(
        self, keys_values: Float[Tensor, "2 batch heads tokens dim"], reach: int, ahead: int = 0
    ) -> tuple[Float[Tensor, "2 batch heads keys dim"], Int[Tensor, "tokens keys"], Bool[Tensor, "tokens keys"]]:
        """What the tokens of this piece may look at.

        Args:
            keys_values: of the tokens of this piece, block by block.
            reach: how many blocks back a block sees.
            ahead: how many tokens at the end of each block are a preview of the next: their own block alone sees
                them, and they are not remembered.

        Returns:
            Keys and values with the remembered ones before them; how many tokens each key lies after each query;
            and which keys a query sees.
        """
        tokens = keys_values.shape[3] // self.blocks
        own = tokens - ahead
        in_blocks = keys_values.reshape(*keys_values.shape[:3], self.blocks, tokens, keys_values.shape[4])
        lasting = in_blocks[:, :, :, :, :own].flatten(3, 4)
        before = self.take()
        block = torch.arange(self.blocks).repeat_interleave(tokens)
        within = torch.arange(tokens).repeat(self.blocks)
        key_block, key_place, preview = block, block * own + within, within >= own
        if before is None:
            lasting = torch.nn.functional.pad(lasting, (0, 0, reach * own, 0))
        else:
            older = torch.arange(-reach * own, 0)
            key_block = torch.cat([older.div(own, rounding_mode="floor"), block])
            key_place = torch.cat([older, key_place])
            preview = torch.cat([torch.zeros(reach * own, dtype=torch.bool), preview])
            keys_values = torch.cat([before, keys_values], dim=3)
            lasting = torch.cat([before, lasting], dim=3)
        self.keep(lasting[:, :, :, -reach * own :])
        back = block[:, None] - key_block[None, :]
        seen = (back >= 0) & (back <= reach) & ((back == 0) | ~preview[None, :])
        exists = key_block[None, :] + self.seen[:, None] >= 0
        return keys_values, key_place[None, :] - (block * own + within)[:, None], seen & exists


def whole_blocks(frames: int) -> int:
    """Blocks that cover so many frames at 30 fps."""
    return (frames + BLOCK_FRAMES - 1) // BLOCK_FRAMES
