"""Which chip is where on a fixture board of the bench; the models are those of the nodes."""

import layout
from chips import Ads1115, Mcp4728, Mcp23017

by_select = {}
by_bus = {
    0: {
        0x48: Ads1115(0),
        0x49: Ads1115(1),
        0x4A: Ads1115(2),
        0x4B: Ads1115(3),
        0x60: Mcp4728(0),
        0x61: Mcp4728(1),
        0x62: Mcp4728(2),
        0x63: Mcp4728(3),
        0x64: Mcp4728(4),
    },
    1: {
        0x48: Ads1115(4),
        0x49: Ads1115(5),
        0x4A: Ads1115(6),
        0x20: Mcp23017(layout.OPEN_AND_SHORT, None),
        0x21: Mcp23017(layout.LOOPS_OPEN, None),
        0x22: Mcp23017(None, layout.EXPANDER),
    },
}
dead_bit = {}
