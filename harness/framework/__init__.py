"""Android's framework as seen over Binder: intents, broadcasts and bound services.

with open_framework(device), open_receiver(device, "com.example.ACTION") as receiver:
    send_broadcast(device, Intent(action="com.example.ACTION", extras={"data": "Notice me senpai!"}))
    print(receiver.next().intent)
"""

from harness.framework.activity_manager import (
    ActivityManager,
    BroadcastResult,
    IntentTooLargeError,
    NativeReceiverRefusedError,
    ReceivedBroadcast,
)
from harness.framework.bound_service import open_application, open_bound_service
from harness.framework.bundle import Bundle
from harness.framework.history import broadcast_history, service_bindings
from harness.framework.intent import ComponentName, Intent, IntentFilter
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java
from harness.framework.receiver import open_receiver, open_sender
from harness.framework.sending import send_broadcast, shell_broadcast
from harness.framework.standin import open_framework
from harness.framework.uri import Uri

__all__ = [
    "ActivityManager",
    "BroadcastResult",
    "Bundle",
    "ComponentName",
    "Intent",
    "IntentFilter",
    "IntentTooLargeError",
    "JavaError",
    "JavaProcess",
    "NativeReceiverRefusedError",
    "ReceivedBroadcast",
    "Uri",
    "broadcast_history",
    "open_application",
    "open_bound_service",
    "open_framework",
    "open_java",
    "open_receiver",
    "open_sender",
    "send_broadcast",
    "service_bindings",
    "shell_broadcast",
]
