"""A broadcast from Java to Java, with the stacks of its transactions."""

from harness import open_device
from harness.framework import Intent, open_java

NOTICE = Intent(action="com.example.HELLO", extras={"data": "Notice me senpai!"})

with open_device("embedded?java=10") as device, open_java(device) as manager:
    manager.serve_activity_manager()
    with open_java(device) as sender, open_java(device) as receiver:
        receiver.register_receiver("com.example.HELLO")
        sender.send_broadcast(NOTICE)
        print(receiver.received().intent.extras)
        for call in sender.last_calls:
            print(call.code, *call.stack, sep="\n    ")
