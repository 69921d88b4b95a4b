"""Real service managers of both generations, AOSP's own clients and services, and services in Python."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.binder import Binder, Call, Node, Parcel, ParcelReader
from harness.binder.errors import DeadObjectError, RemoteError, StatusError
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.services.service import Service, open_service
from harness.binder.services.service_manager import ServiceManager
from harness.binder.services.wire import ANDROID_10, ANDROID_11, DumpPriority
from harness.device.device import Device, DeviceProcess
from harness.experiments.instruments.libbinder_probe import ask_probe, running_probe
from harness.experiments.instruments.service_managers import IN_C, ON_LIBBINDER, Place, held, running

APP_USER = 10001
ISOLATED_USER = 99001
ECHO, IDENTITY, THROW, DIE = 1, 2, 3, 4
PROBE = "binder_harness.IProbe"


@pytest.fixture(scope="module", params=[ON_LIBBINDER, IN_C])
def place(request: pytest.FixtureRequest, device: Device) -> Iterator[Place]:
    """A service manager of each generation: the device's own, and one started for these tests."""
    with running(device) as own:
        if own.generation == request.param:
            yield own
            return
    with held(device, request.param) as other:
        yield other.begin()


def add_one(call: Call) -> Parcel:
    return Parcel(call.wire).no_exception().int32(call.data.int32() + 1)


@contextmanager
def client_of(
    device: Device, node: str, *, uid: int | None = None
) -> Iterator[tuple[Binder, ServiceManager]]:
    with device.process(uid=uid) as process, Binder.open(process, node) as binder:
        yield binder, ServiceManager(binder)


def refusal(action: Callable[[], object]) -> int:
    """The exception code, or the status, by which a service manager refuses."""
    try:
        action()
    except RemoteError as error:
        return error.code
    except StatusError as error:
        return error.status
    return 0


# --- both generations, from Python ---


def test_the_generation_is_found_out(place: Place) -> None:
    assert place.manager.dialect is (ANDROID_10 if place.generation == IN_C else ANDROID_11)
    place.manager.ping()


def test_a_service_is_found_and_called(device: Device, place: Place) -> None:
    with open_service(device, "add.one", add_one, path=place.node) as service:
        handle = place.manager.wait_for("add.one", Deadline(5))
        assert isinstance(handle, int)
        data = Parcel(place.manager.dialect.wire).interface_token("add.one").int32(41)
        assert place.client.transact(handle, 1, data).check_exception().int32() == 42
        assert service.manager.check("add.one") == service.node
        assert "add.one" in place.manager.list()
        place.client.references.release(handle)
    Deadline(5).poll(lambda: place.manager.check("add.one") is None, "the end of add.one")


def test_priorities_choose_what_is_listed(device: Device, place: Place) -> None:
    with client_of(device, place.node) as (binder, manager):
        manager.add("critical", binder.add_node(add_one), dump_priority=DumpPriority.CRITICAL)
        assert "critical" in place.manager.list(DumpPriority.CRITICAL | DumpPriority.HIGH)
        assert "critical" not in place.manager.list(DumpPriority.NORMAL)


def test_apps_may_add_nothing(device: Device, place: Place) -> None:
    with client_of(device, place.node, uid=APP_USER) as (binder, manager):
        node = binder.add_node(add_one)
        assert refusal(lambda: manager.add("of.an.app", node)) == ExceptionCode.EX_SECURITY
        assert manager.check("of.an.app") is None
        assert manager.list() == place.manager.list()


def test_isolated_processes_find_what_allows_it(device: Device, place: Place) -> None:
    with client_of(device, place.node) as (binder, manager):
        manager.add("for.all", binder.add_node(add_one), allow_isolated=True)
        manager.add("not.for.isolated", binder.add_node(add_one))
        with client_of(device, place.node, uid=ISOLATED_USER) as (_, isolated):
            assert isolated.check("for.all") is not None
            assert isolated.check("not.for.isolated") is None


@pytest.mark.parametrize("name", ["x" * 127, "a.b-c_d/E9"])
def test_names_that_all_accept(device: Device, place: Place, name: str) -> None:
    with client_of(device, place.node) as (binder, manager):
        node = binder.add_node(add_one)
        manager.add(name, node)
        assert manager.check(name) == node


@pytest.mark.parametrize("name", ["x" * 128, ""])
def test_names_that_none_accepts(device: Device, place: Place, name: str) -> None:
    refused = StatusCode.PERMISSION_DENIED if place.generation == IN_C else ExceptionCode.EX_ILLEGAL_ARGUMENT
    with client_of(device, place.node) as (binder, manager):
        assert refusal(lambda: manager.add(name, binder.add_node(add_one))) == refused


@pytest.mark.parametrize("name", ["a b", "näme", "a\tb", "🦊"])
def test_names_that_one_generation_accepts(device: Device, place: Place, name: str) -> None:
    with client_of(device, place.node) as (binder, manager):
        node = binder.add_node(add_one)
        if place.generation == IN_C:
            manager.add(name, node)
            assert manager.check(name) == node
            assert name in manager.list()
        else:
            assert refusal(lambda: manager.add(name, node)) == ExceptionCode.EX_ILLEGAL_ARGUMENT


def test_a_name_that_may_kill_the_service_manager_is_not_sent(device: Device) -> None:
    with pytest.raises(UsageError, match="cannot be registered"), device.service("ümlaut", add_one):
        pass


def test_the_program_in_c_lists_long_names_without_their_letters(device: Device, place: Place) -> None:
    with client_of(device, place.node) as (binder, manager):
        manager.add("x" * 109, binder.add_node(add_one))
        manager.add("y" * 110, binder.add_node(add_one))
        listed = place.manager.list()
        assert "x" * 109 in listed
        assert ("y" * 110 in listed, "" in listed) == (place.generation != IN_C, place.generation == IN_C)


def test_a_name_that_is_taken(device: Device, place: Place) -> None:
    with client_of(device, place.node) as (first, manager), client_of(device, place.node) as (second, other):
        nodes = first.add_node(add_one), second.add_node(add_one)
        manager.add("taken", nodes[0])
        other.add("taken", nodes[1])
        found = other.check("taken")
        assert place.manager.list().count("taken") == 1
        if place.generation == IN_C:
            assert found == nodes[1]
        else:  # this version of Android 11's sources keeps the first one, without an error
            assert isinstance(found, int)
            assert manager.check("taken") == nodes[0]


def test_a_thousand_services(device: Device, place: Place) -> None:
    names = {f"service.{number}" for number in range(1000)}
    with client_of(device, place.node) as (binder, manager):
        for name in names:
            manager.add(name, binder.add_node(add_one))
        assert names <= set(place.manager.list(deadline=Deadline(60)))
        assert all(isinstance(manager.check(name), Node) for name in sorted(names)[::100])
    Deadline(10).poll(lambda: place.manager.check("service.999") is None, "the end of a thousand services")
    if place.generation == ON_LIBBINDER:
        Deadline(10).poll(lambda: not names & set(place.manager.list()), "the end of their names")


def test_a_server_that_dies_while_it_is_looked_up(device: Device, place: Place) -> None:
    stop = threading.Event()
    with (
        client_of(device, place.node) as (binder, manager),
        open_service(device, "mortal", add_one, path=place.node) as service,
    ):
        found: list[int | Node | None] = []
        failures: list[Exception] = []
        manager.check("mortal")

        def lookup() -> None:
            try:
                while not stop.is_set():
                    found.append(manager.check("mortal"))
            except Exception as error:
                failures.append(error)

        looking = threading.Thread(target=lookup)
        looking.start()
        Deadline(5).poll(lambda: len(found) > 5, "some lookups")
        service.process.kill()
        Deadline(5).poll(lambda: found[-1] is None, "the end of mortal")
        stop.set()
        looking.join(10)
        assert failures == []
        handles = found[: found.index(None)]
        assert set(found[found.index(None) :]) == {None}
        assert len(set(handles)) == 1
        (handle,) = set(handles)
        assert isinstance(handle, int)
        with pytest.raises(DeadObjectError):
            binder.transact(handle, 1)


def test_waiting_for_a_name_ends(place: Place) -> None:
    with pytest.raises(TimeLimitError, match="a service named never"):
        place.manager.wait_for("never", Deadline(0.1))


# --- what Android 11 brought ---


def test_a_callback_reports_registrations(device: Device) -> None:
    registrations: list[tuple[str, Node | int]] = []
    with running(device) as own, client_of(device, own.node) as (binder, manager):
        binder.serve()
        callback = manager.register_for_notifications("awaited", lambda *found: registrations.append(found))
        with device.service("awaited", add_one):
            [(name, handle)] = Deadline(5).poll(lambda: registrations, "the registration")
            assert name == "awaited"
            assert isinstance(handle, int)
            data = Parcel().interface_token("awaited").int32(1)
            assert binder.on_new_thread().transact(handle, 1, data).check_exception().int32() == 2
        manager.unregister_for_notifications("awaited", callback)
        again = refusal(lambda: manager.unregister_for_notifications("awaited", callback))
        assert again == ExceptionCode.EX_ILLEGAL_STATE


def test_a_service_without_clients_can_be_taken_back(device: Device) -> None:
    notifications: list[tuple[Node | int, bool]] = []
    with running(device) as own, client_of(device, own.node) as (binder, manager):
        binder.serve()
        node = binder.add_node(add_one)
        manager.add("temporary", node)
        assert refusal(lambda: manager.unregister("temporary", node)) == ExceptionCode.EX_ILLEGAL_STATE
        manager.register_client_callback("temporary", node, lambda *clients: notifications.append(clients))
        with client_of(device, own.node) as (_, other):
            # One client more than may hold it: Android 11 takes the second count for the call itself.
            assert isinstance(other.check("temporary"), int)
            handle = own.manager.check("temporary")
            assert isinstance(handle, int)
            assert refusal(lambda: manager.unregister("temporary", node)) == ExceptionCode.EX_ILLEGAL_STATE
        assert Deadline(15).poll(lambda: notifications, "its first client") == [(node, True)]
        own.client.references.release(handle)
        manager.unregister("temporary", node)
        assert own.manager.check("temporary") is None


def test_nothing_is_declared_here(device: Device) -> None:
    with running(device) as own:
        assert not own.manager.is_declared("android.hardware.light.ILights/default")


# --- AOSP's commands find Python's services ---


@pytest.fixture
def service(device: Device) -> Iterator[Service[DeviceProcess]]:
    def dump(arguments: tuple[str, ...]) -> str:
        return f"dump of {' '.join(arguments) or 'all'}\n" * 1000

    with device.service("my.service", add_one, interface="my.IService", dump=dump) as opened:
        yield opened


@pytest.mark.usefixtures("service")
def test_service_call(device: Device) -> None:
    assert (
        device.shell("service call my.service 1 i32 41") == "Result: Parcel(00000000 0000002a   '....*...')"
    )
    assert device.shell("service check my.service") == "Service my.service: found"


@pytest.mark.usefixtures("service")
def test_service_list_shows_the_interface(device: Device) -> None:
    listed = device.shell("service list")
    assert "\tmanager: [android.os.IServiceManager]" in listed
    assert "\tmy.service: [my.IService]" in listed
    assert device.shell("dumpsys -l").splitlines()[1:] == ["  manager", "  my.service"]


def test_dumpsys(device: Device, service: Service[DeviceProcess]) -> None:
    assert device.shell("dumpsys my.service") == "\n".join(["dump of all"] * 1000)
    assert device.shell("dumpsys my.service -a b").startswith("dump of -a b\n")
    assert device.shell("dumpsys --pid my.service") == str(service.process.pid)


@pytest.mark.usefixtures("service")
def test_cmd_reports_that_there_are_no_commands(device: Device) -> None:
    result = device.run("cmd my.service anything", deadline=Deadline(10))
    assert result.status != 0
    assert "Failure calling service my.service" in result.output


@pytest.mark.usefixtures("service")
def test_libbinder_calls_python(device: Device) -> None:
    answer = ask_probe(device, "call", "my.service", "1", "41")
    assert (answer["status"], bytes.fromhex(answer["reply"])) == (0, Parcel().int32(0).int32(42).data)
    assert ask_probe(device, "check", "my.service")["interface"] == "my.IService"
    unknown = ask_probe(device, "call", "my.service", str(0x1000000))
    assert unknown["status"] == StatusCode.UNKNOWN_TRANSACTION


def test_libbinder_is_woken_by_a_registration(device: Device) -> None:
    with running_probe(device, "wait", "late.service") as waiting:
        with pytest.raises(TimeLimitError):
            waiting.answer(Deadline(0.5))
        with device.service("late.service", add_one):
            assert waiting.answer()["found"]


# --- Python finds AOSP's services ---


@contextmanager
def registered_by_libbinder(device: Device, *options: str) -> Iterator[tuple[Binder, int, int]]:
    """A client, its handle on a service of libbinder's, and the pid of that."""
    with running_probe(device, *options, "register", "of.libbinder") as probe:
        assert probe.answer()["exception"] == 0
        with device.process() as process, Binder.open(process) as binder:
            handle = ServiceManager(binder).wait_for("of.libbinder", Deadline(5))
            assert isinstance(handle, int)
            yield binder, handle, probe.pid


def call(binder: Binder, handle: int, code: int, *numbers: int) -> ParcelReader:
    data = Parcel().interface_token(PROBE)
    for number in numbers:
        data.int32(number)
    return binder.transact(handle, code, data)


def test_python_calls_libbinder(device: Device) -> None:
    with registered_by_libbinder(device) as (binder, handle, pid):
        assert call(binder, handle, ECHO, 1, -2).data == Parcel().int32(1).int32(-2).data
        process = binder.process
        identity = call(binder, handle, IDENTITY)
        assert [identity.int32() for _ in range(3)] == [pid, process.pid, process.uid]
        with pytest.raises(RemoteError, match="EX_ILLEGAL_STATE: as asked"):
            call(binder, handle, THROW).check_exception()
        with pytest.raises(StatusError) as refused:
            binder.transact(handle, ECHO, Parcel().interface_token("another.Interface"))
        assert refused.value.status == StatusCode.PERMISSION_DENIED


def test_a_service_of_libbinder_dies_of_a_call(device: Device) -> None:
    with registered_by_libbinder(device) as (binder, handle, _):
        binder.references.acquire(handle)
        binder.notifications.link_to_death(handle, 0xD0)
        with pytest.raises(DeadObjectError):
            call(binder, handle, DIE)
        binder.notifications.wait_for_death(0xD0)
        manager = ServiceManager(binder)
        Deadline(5).poll(lambda: manager.check("of.libbinder") is None, "the end of of.libbinder")


def test_the_facts_show_it(device: Device) -> None:
    assert device.facts.service_manager
    assert not device.facts.framework
    assert "activity" in device.facts.reasons["framework"]
