"""Which chip is where on a node of the bench: select lines of the SPI, addresses of each I2C bus."""

import layout
from chips import Ads1115, Max31856, Mcp4728

by_select = {pin: Max31856(pin - 8) for pin in range(8, 16)}
_chips = (Ads1115(0), Ads1115(1), Ads1115(2), Mcp4728(0), Mcp4728(1))
by_bus = {1: dict(zip(layout.I2C_ADDRESSES, _chips))}
dead_bit = {layout.I2C_ADDRESSES[i]: 1 << i for i in range(len(layout.I2C_ADDRESSES))}
