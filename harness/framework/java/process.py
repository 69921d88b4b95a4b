"""AOSP's Java as an object of Python: its services, its Intents, its broadcasts, on a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.argument_types import checked, checked_methods
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.framework.activity_manager import BroadcastResult
from harness.framework.bundle import Bundle
from harness.framework.intent import ComponentName, Intent
from harness.framework.java.agent import Answer, JavaAgent, OutgoingCall, running_agents
from harness.framework.java.place import JavaPlace
from harness.framework.java.values import (
    bundle_of,
    describe_bundle,
    describe_intent,
    describe_result,
    intent_of,
    result_of,
)
from harness.framework.layout import Layout
from harness.framework.uri import Uri

if TYPE_CHECKING:
    from harness.device.device import Device

RECEIVE_SECONDS = 10
FIRST_CALL_TRANSACTION = 1


@dataclass(frozen=True, slots=True)
class JavaBinder:
    """An object of Java that implements IBinder: equal where it is one object."""

    number: int
    """The agent's, from 0 on in the order in which it came to know them."""


@dataclass(frozen=True, slots=True)
class JavaBroadcast:
    """A broadcast that onReceive() got."""

    intent: Intent
    size: int | None
    """Bytes of the extra “data”, where that is a byte[]; the Intent is without it."""
    thread: str
    """The name of the thread that called onReceive()."""
    stack: tuple[str, ...]
    """The methods that were under way, the innermost first: onReceive()."""
    result: BroadcastResult | None = None
    """Of an ordered broadcast: the result with which it came, which the receiver may replace."""


@checked_methods
class JavaProcess:
    """A process in which AOSP's Java runs. Obtained from `open_java`.

    Every method raises JavaError where Java throws: also where it needs what is not on the device, such as
    Android's resources. `last_calls` has the transactions that the last method sent, with their stacks.
    """

    def __init__(self, agent: JavaAgent) -> None:
        self.agent = agent
        self.last_calls: tuple[OutgoingCall, ...] = ()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self.agent.pid

    @property
    def place(self) -> JavaPlace:
        """Which Java it is, and at which binder device its service manager is: perhaps not /dev/binder."""
        return self.agent.place

    @property
    def layout(self) -> Layout:
        """How its Java writes Intents and bundles, and in which format its parcels are."""
        return Layout.of_java(self.agent.place.release)

    def _ask(self, command: str, **arguments: Any) -> Any:
        answer: Answer = self.agent.ask(command, stacks=True, **arguments)
        self.last_calls = answer.calls
        return answer.result

    # Services

    def list_services(self) -> list[str]:
        """ServiceManager.listServices()."""
        return list(self._ask("list"))

    def check_service(self, name: str) -> JavaBinder | None:
        """ServiceManager.checkService()."""
        return _binder(self._ask("check", name=name))

    def get_service(self, name: str, *, times: int = 1) -> list[JavaBinder | None]:
        """ServiceManager.getService(), so many times one after the other; it waits 5 s for a missing one."""
        return [_binder(number) for number in self._ask("get", name=name, times=times)]

    def init_service_cache(self, *names: str) -> None:
        """ServiceManager.initServiceCache() with these services, as in an application when it is bound."""
        self._ask("initServiceCache", names=list(names))

    def add_service(self, name: str, interface: str, answers: Mapping[int, Mapping[str, Any]]) -> JavaBinder:
        """ServiceManager.addService() with a Binder in Java; `answers` has what it does for each code.

        That is `{"reply": HEX}`, `{"echo": True}`, `{"size": BYTES}`, `{"callers": True}`,
        `{"descriptor": True}` or
        `{"throws": CLASS, "message": TEXT}` (ScriptedBinder.java), any of them with `"delay": MILLISECONDS`.
        """
        described = {str(code): dict(answer) for code, answer in answers.items()}
        number = self._ask("add", name=name, interface=interface, answers=described)
        return JavaBinder(number)

    def transact(
        self,
        binder: JavaBinder,
        code: int,
        interface: str,
        *,
        data: Parcel | None = None,
        size: int | None = None,
        one_way: bool = False,
    ) -> ParcelReader:
        """IBinder.transact() with the interface's token and `data`, or a byte[] of `size` bytes.

        Returns what the reply holds after Parcel.readException().
        """
        content = {"size": size} if size is not None else {"data": bytes(data.data).hex() if data else ""}
        reply = self._ask(
            "transact",
            binder=binder.number,
            code=code,
            interface=interface,
            one_way=one_way,
            **content,
        )
        return ParcelReader(bytes.fromhex(reply or ""), wire=self.layout.wire)

    def get_system_service(self, name: str) -> tuple[str | None, bool]:
        """Context.getSystemService() twice: the class of the object, and whether both are one object."""
        answer = self._ask("getSystemService", name=name)
        return answer["class"], answer["same"]

    def events(self) -> list[tuple[int, list[Any]]]:
        """What was written to the event log since the last call: tags and values, 1,024 at most."""
        return [(tag, values) for tag, values in self._ask("events")]

    # Broadcasts and bound services

    def serve_activity_manager(self, *, own_queue: bool = False) -> int | None:
        """Register a stand-in for the activity manager (ActivityManagerStandin.java).

        Returns the release of Android whose BroadcastQueue it has: 6 where Debian's sources of that could be
        downloaded. With `own_queue`, and elsewhere, it has a queue of its own, and this returns None.
        """
        release: int | None = self._ask("serveActivityManager", own_queue=own_queue)
        return release

    def dump_broadcasts(self) -> str:
        """What the stand-in that this process serves prints of its broadcasts, as dumpsys would show it."""
        return str(self._ask("dumpBroadcasts"))

    def send_broadcast(self, intent: Intent, *, size: int | None = None) -> None:
        """ContextImpl.sendBroadcast(); with `size`, it has an extra “data”, a byte[] of so many bytes."""
        more = {} if size is None else {"size": size}
        self._ask("sendBroadcast", intent=describe_intent(intent), **more)

    def send_ordered_broadcast(
        self, intent: Intent, *, result: BroadcastResult | None = None, seconds: int = RECEIVE_SECONDS
    ) -> BroadcastResult:
        """ContextImpl.sendOrderedBroadcast(): the result of its receivers, which starts as `result`.

        Raises TimeLimitError where they have not finished in time.
        """
        initial = describe_result(result or BroadcastResult())
        self._ask("sendOrderedBroadcast", intent=describe_intent(intent), result=initial)
        return result_of(self._waited("result", "the result of a broadcast", seconds))

    def register_receiver(
        self, *actions: str, priority: int = 0, result: BroadcastResult | None = None
    ) -> None:
        """ContextImpl.registerReceiver() with a receiver that keeps what it gets for `received`.

        It makes `result` that of each ordered broadcast, with setResult() and perhaps abortBroadcast().
        """
        more = {} if result is None else {"result": describe_result(result)}
        self._ask("registerReceiver", actions=list(actions), priority=priority, **more)

    def received(self, seconds: int = RECEIVE_SECONDS) -> JavaBroadcast:
        """The next broadcast that onReceive() got; TimeLimitError where none comes in time."""
        answer = self._waited("received", "a broadcast", seconds)
        intent = intent_of(answer["intent"])
        result = result_of(answer["result"]) if "result" in answer else None
        return JavaBroadcast(intent, answer.get("size"), answer["thread"], tuple(answer["stack"]), result)

    def offer_service(self, component: ComponentName, interface: str) -> None:
        """Have a Service exist whose object numbers the calls with code 1 to it, and tell the stand-in."""
        self._ask("offerService", component=_names(component), interface=interface)

    @property
    def binds(self) -> int:
        """How often the onBind() of the Service was called."""
        return int(self._ask("binds"))

    def bind_service(self, component: ComponentName) -> bool:
        """ContextImpl.bindService(): whether there is such a service."""
        return bool(self._ask("bindService", component=_names(component)))

    def unbind_service(self, component: ComponentName) -> None:
        """ContextImpl.unbindService() of what this process has bound last."""
        self._ask("unbindService", component=_names(component))

    def unbound(self, seconds: int = RECEIVE_SECONDS) -> None:
        """Wait for the next onUnbind() of the Service; TimeLimitError where it is not called in time."""
        self._waited("unbound", "onUnbind()", seconds)

    def connected(self, seconds: int = RECEIVE_SECONDS) -> JavaBinder:
        """What the next onServiceConnected() got; TimeLimitError where none is called in time."""
        return JavaBinder(self._waited("connected", "a connection", seconds)["binder"])

    def _waited(self, command: str, what: str, seconds: int) -> Any:
        answer = self.agent.ask(command, seconds=seconds, deadline=Deadline(2 * seconds + 10.0)).result
        if answer is None:
            raise TimeLimitError(f"{what} in process {self.pid}: not within {seconds} s")
        return answer

    # Values

    def write_intent(self, intent: Intent) -> bytes:
        """What Intent.writeToParcel() writes."""
        return bytes.fromhex(self._ask("writeIntent", intent=describe_intent(intent)))

    def read_intent(self, data: bytes) -> tuple[Intent, int]:
        """The Intent that Intent.CREATOR reads, and how many bytes it leaves."""
        answer = self._ask("readIntent", data=data.hex())
        return intent_of(answer["value"]), answer["left"]

    def write_bundle(self, bundle: Bundle | None) -> bytes:
        """What Parcel.writeBundle() writes."""
        described = None if bundle is None else describe_bundle(bundle)
        return bytes.fromhex(self._ask("writeBundle", bundle=described))

    def read_bundle(self, data: bytes) -> tuple[Bundle | None, int]:
        """The bundle that Parcel.readBundle() reads, and how many bytes it leaves."""
        answer = self._ask("readBundle", data=data.hex())
        return None if answer["value"] is None else bundle_of(answer["value"]), answer["left"]

    def write_uri(self, uri: Uri | None) -> bytes:
        """What Uri.writeToParcel() writes of what Uri.parse() returns."""
        return bytes.fromhex(self._ask("writeUri", uri=None if uri is None else uri.text))

    def read_uri(self, data: bytes) -> tuple[Uri | None, int]:
        """The URI that Uri.CREATOR reads, and how many bytes it leaves."""
        answer = self._ask("readUri", data=data.hex())
        return None if answer["value"] is None else Uri(answer["value"]), answer["left"]


@checked
@contextmanager
def open_java(device: Device, *, uid: int = 0, node: str | None = None) -> Iterator[JavaProcess]:
    """Start a process in which AOSP's Java runs, as a user if given, for the block: 2 to 3 s under emulation.

    Where Java is not in the device's image, it is built at the first use, for three minutes, and put on the
    device once, 76 MB. It is Android 10's, so it needs that release's service manager: where the device has
    another, one is started on the free binder device while such processes run (`JavaProcess.place`). With
    `node`, the path of another binder device, the process finds that in the place of /dev/binder.

    On a device with Android 10 or later of its own, what runs is the device's framework on ART, as the
    shell's user: services, calls, values, sending broadcasts and getSystemService(). That was never tried.

    Raises FacilityMissingError on any other device, or with too little memory, SetupError where Java cannot
    be built, HarnessError where it does not start.
    """
    with running_agents(device, [uid], node=node) as agents:
        yield JavaProcess(*agents)


@checked
@contextmanager
def open_java_processes(device: Device, *uids: int) -> Iterator[list[JavaProcess]]:
    """Start several such processes at once, each as one of these users: that takes less time."""
    with running_agents(device, uids) as agents:
        yield list(map(JavaProcess, agents))


def _binder(number: int | None) -> JavaBinder | None:
    return None if number is None else JavaBinder(number)


def _names(component: ComponentName) -> list[str]:
    return [component.package, component.class_name]
