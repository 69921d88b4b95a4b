"""How a device comes to be: every way ends in an adb serial and a controller."""
