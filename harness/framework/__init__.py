"""Android's framework as seen over Binder: intents, broadcasts and bound services.

with open_framework(device), open_receiver(device, "com.example.ACTION") as receiver:
    with open_sender(device) as sender:
        sender.send(Intent(action="com.example.ACTION", extras={"data": "Notice me senpai!"}))
    print(receiver.next(Deadline(10)).intent)
"""

from harness.framework.activity_manager import ActivityManager, IntentTooLargeError, Received, Result
from harness.framework.bound_service import open_application, open_bound_service
from harness.framework.bundle import Bundle
from harness.framework.history import broadcast_history, service_bindings, shell_broadcast
from harness.framework.intent import ComponentName, Intent, IntentFilter
from harness.framework.receiver import open_receiver, open_sender
from harness.framework.standin import open_framework
from harness.framework.uri import Uri

__all__ = [
    "ActivityManager",
    "Bundle",
    "ComponentName",
    "Intent",
    "IntentFilter",
    "IntentTooLargeError",
    "Received",
    "Result",
    "Uri",
    "broadcast_history",
    "open_application",
    "open_bound_service",
    "open_framework",
    "open_receiver",
    "open_sender",
    "service_bindings",
    "shell_broadcast",
]
