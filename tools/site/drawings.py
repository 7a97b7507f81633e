"""Draws docs/drawings/: the network, what streams hear, and the way from a voice to a face.

    python tools/site/drawings.py

What is drawn is the network of the packaged weights for recordings; tests compare its sizes with the preset.
"""

from pathlib import Path

from canvas import Canvas

FOLDER = Path(__file__).parents[2] / "docs" / "drawings"
SIZES = {"width": 128, "heads": 4, "encoder_layers": 2, "decoder_layers": 1, "lstm_width": 128, "kan_width": 128}
"""Of the preset `default`."""
BLOCK_MS, AHEAD_MS, ATTENTION_MS = 100, 52.5, 1000


def draw_network() -> Canvas:
    """Both domains, KFusion and the KAN."""
    page = Canvas(1000, 490, "The network: Global Domain, Content Domain, KFusion and KAN")
    _global_domain(page)
    _content_domain(page)
    _fusion(page)
    page.line([(84, 40), (84, 24), (575, 24), (575, 66)], arrow=True)
    page.text((330, 18), "the face at rest: v, 68 points; v_m, its mouth", size=11, colour="faint")
    return page


def _global_domain(page: Canvas) -> None:
    page.box((180, 40), (450, 150), fill="blue", edge="blue-line")
    page.text((196, 60), "**Global Domain**", anchor="start", colour="blue-line")
    page.box((14, 40), (140, 44), "portrait\n68 points v, v_m", fill="paper")
    page.box((14, 178), (140, 60), "sound\n16 kHz", fill="paper")
    page.box((200, 100), (96, 46), "log-mel\n50 Hz", fill="paper")
    page.box((314, 100), (106, 46), f"E, {SIZES['encoder_layers']} layers\nTransformer, {SIZES['width']}", fill="paper")
    page.box((438, 100), (70, 46), "Conv\n30 Hz", fill="paper")
    page.box((530, 66), (90, 42), "D_f(·, v)", fill="paper")
    page.box((530, 134), (90, 42), "D_m(·, v_m)", fill="paper")
    page.line([(154, 200), (168, 200), (168, 123), (200, 123)], arrow=True)
    page.line([(296, 123), (314, 123)], arrow=True)
    page.line([(420, 123), (438, 123)], arrow=True)
    page.line([(508, 116), (518, 116), (518, 87), (530, 87)], arrow=True)
    page.line([(508, 130), (518, 130), (518, 155), (530, 155)], arrow=True)


def _content_domain(page: Canvas) -> None:
    page.box((180, 216), (450, 252), fill="yellow", edge="yellow-line")
    page.text((196, 456), "**Content Domain**", anchor="start", colour="yellow-line")
    page.box((200, 246), (96, 60), "Whisper\ntiny.en, frozen\n50 Hz", fill="paper")
    page.box((14, 320), (140, 44), "emotion\nor unknown", fill="paper")
    page.box((200, 320), (96, 44), "× w(emotion)\nEq. 7", fill="paper")
    page.box((314, 320), (106, 44), f"E, {SIZES['encoder_layers']} layers\nTransformer, {SIZES['width']}", fill="paper")
    page.box((438, 320), (70, 44), "Conv\n30 Hz", fill="paper")
    page.box((530, 246), (90, 42), "D(·, v)", fill="paper")
    page.box((530, 321), (90, 42), f"LSTM, {SIZES['lstm_width']}", fill="paper")
    page.box((530, 396), (90, 42), f"LSTM, {SIZES['lstm_width']}", fill="paper")
    page.line([(154, 216), (168, 216), (168, 276), (200, 276)], arrow=True)
    page.line([(154, 342), (200, 342)], arrow=True)
    page.line([(248, 306), (248, 320)], arrow=True)
    page.line([(296, 342), (314, 342)], arrow=True)
    page.line([(420, 342), (438, 342)], arrow=True)
    page.line([(508, 342), (530, 342)], arrow=True)
    page.line([(518, 342), (518, 267), (530, 267)], arrow=True)
    page.line([(518, 342), (518, 417), (530, 417)], arrow=True)


def _fusion(page: Canvas) -> None:
    page.box((664, 40), (322, 428), fill="green", edge="green-line")
    page.text((972, 60), "**KFusion**", anchor="end", colour="green-line")
    page.box((684, 150), (74, 74), "x_f\nf ⊕ gb ⊕ ct\nEq. 9", fill="paper")
    page.box((684, 388), (74, 60), "x_m\nm ⊕ gb_m\nEq. 8", fill="paper")
    page.box((786, 104), (84, 42), "B\nkernels 1-3-1", fill="paper")
    page.box((786, 224), (84, 42), "Conv\nresidual", fill="paper")
    page.box((786, 397), (84, 42), "B\nkernels 1-3-1", fill="paper")
    page.box((892, 166), (78, 42), "⊗\nEq. 10", fill="paper")
    page.box((888, 260), (86, 60), "mouth in,\npoints 48-67\nEq. 11", fill="paper")
    page.box((888, 340), (86, 52), f"**KAN**\n136-{SIZES['kan_width']}-136\nEq. 12", fill="paper", edge="green-line")
    page.box((880, 414), (98, 44), "68 points\nv + 0.05 y', 30 Hz", fill="paper", edge="ink")
    for start, name, via, end in (
        (87, "gb", 648, 172),
        (267, "ct", 648, 202),
        (342, "f", 656, 214),
    ):
        page.line([(620, start), (via, start), (via, end), (684, end)], arrow=True)
        page.text((634, start - 5), name, size=11)
    page.line([(620, 155), (640, 155), (640, 404), (684, 404)], arrow=True)
    page.text((631, 150), "gb_m", size=11)
    page.line([(620, 417), (632, 417), (632, 432), (684, 432)], arrow=True)
    page.text((640, 412), "m", size=11)
    page.line([(758, 170), (772, 170), (772, 125), (786, 125)], arrow=True)
    page.line([(758, 204), (772, 204), (772, 245), (786, 245)], arrow=True)
    page.line([(870, 125), (931, 125), (931, 166)], arrow=True)
    page.line([(870, 245), (880, 245), (880, 187), (892, 187)], arrow=True)
    page.line([(931, 208), (931, 260)], arrow=True)
    page.line([(758, 418), (786, 418)], arrow=True)
    page.line([(870, 418), (879, 418), (879, 290), (888, 290)], arrow=True)
    page.line([(931, 320), (931, 340)], arrow=True)
    page.line([(931, 392), (931, 414)], arrow=True)


def draw_stream() -> Canvas:
    """What a block of 100 ms of a streamed voice hears, and when its frames come."""
    page = Canvas(1000, 300, "What a stream hears: its own block, 52.5 ms after it, and the past")
    left, scale = 60, 0.56  # pixels a millisecond

    def x(ms: float) -> float:
        return left + scale * ms

    for number in range(14):
        own = number == 10
        page.box((x(100 * number), 96), (scale * 100, 34), "block" if own else "", fill="green" if own else "grey")
    for ms in range(0, 1500, 200):
        page.text((x(ms), 92), f"{(ms - 1000) / 1000:g} s" if ms != 1000 else "now", size=11, colour="faint")
    for row, (start, end, words, colour) in enumerate(
        [
            (-60, 1100 + AHEAD_MS, "speech encoder: 2.4 s back, 52.5 ms after the block", "yellow-line"),
            (0, 1100, "attention: one second back, its own block whole, nothing later", "blue-line"),
            (-60, 1100, "convolutions and LSTMs: the past alone, kept from block to block", "violet-line"),
        ]
    ):
        level = 158 + 34 * row
        page.line([(x(start), level), (x(end), level)], colour=colour, width=5)
        page.text((x(start) + 8, level - 8), words, size=12, anchor="start", colour=colour)
    page.line([(x(1000), 60), (x(1000), 250)], colour="faint", width=1)
    page.line([(x(1100 + AHEAD_MS), 60), (x(1100 + AHEAD_MS), 250)], colour="red-line", width=1.6)
    page.text((x(1000), 50), "the moment of the first frame", size=12, anchor="end")
    page.text((x(1100 + AHEAD_MS), 34), "its three frames come here,", size=12, anchor="start", colour="red-line")
    page.text((x(1100 + AHEAD_MS), 50), f"at most {BLOCK_MS + AHEAD_MS} ms later", anchor="start", colour="red-line")
    last = "Every 10 s a fresh run takes over: it listens for 2 s beside the old one, and the frames fade over."
    page.text((x(0), 284), last, size=12, anchor="start", colour="faint")
    return page


def draw_way() -> Canvas:
    """From a voice and a face to everything that can be seen."""
    page = Canvas(1000, 250, "From a voice and a face to pictures, avatars and files")
    page.box((10, 40), (150, 56), "a recording\nany file FFmpeg reads", fill="paper")
    page.box((10, 140), (150, 56), "a voice that speaks\npipe, microphone, call", fill="paper")
    page.box((210, 40), (150, 56), "windows of 6 s\nside by side, on all cores", fill="blue", edge="blue-line")
    page.box((210, 140), (150, 56), "blocks of 100 ms\nwith what is remembered", fill="blue", edge="blue-line")
    page.box((410, 90), (140, 60), "**the network**\nonnxruntime, 8 bits", fill="green", edge="green-line")
    page.box((410, 10), (140, 46), "a picture\n68 points of its face", fill="paper")
    page.box((600, 90), (140, 60), "68 moving points\nany frame rate", fill="yellow", edge="yellow-line")
    rows = ("the portrait talks\nfilms, calls", "52 ARKit weights\nfiles, UDP", "the points\nnpz, csv, json")
    for row, words in enumerate(rows):
        page.box((800, 10 + 76 * row), (180, 56), words, fill="paper", edge="ink")
        middle = 38 + 76 * row
        page.line([(740, 120), (768, 120), (768, middle), (800, middle)], arrow=True)
    page.line([(160, 68), (210, 68)], arrow=True)
    page.line([(160, 168), (210, 168)], arrow=True)
    page.line([(360, 68), (384, 68), (384, 112), (410, 112)], arrow=True)
    page.line([(360, 168), (384, 168), (384, 128), (410, 128)], arrow=True)
    page.line([(480, 56), (480, 90)], arrow=True)
    page.line([(550, 120), (600, 120)], arrow=True)
    last = "Visemes are heard beside it, by a small network of their own on the same sound."
    page.text((210, 234), last, size=12, anchor="start", colour="faint")
    return page


DRAWINGS = {"network": draw_network, "stream": draw_stream, "way": draw_way}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        draw().save(FOLDER / f"{name}.svg")
