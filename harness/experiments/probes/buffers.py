"""Probes of buffers: how they are freed, and where in the mapping they lie."""

from __future__ import annotations

from harness.binder.abi import commands, returns
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.instruments.non_blocking import drain, exchange, only
from harness.experiments.probes.bench import BAD_ADDRESS, Bench
from harness.experiments.probes.probe import probe

ONE_WAY = TransactionFlag.TF_ONE_WAY


@probe("buffer.free-unknown")
def free_unknown(bench: Bench) -> object:
    """What does BC_FREE_BUFFER do with an address where there is no buffer?"""
    return bench.write(commands.FreeBuffer(BAD_ADDRESS))


@probe("buffer.free-twice")
def free_twice(bench: Bench) -> object:
    """And with a buffer that is free already?"""
    bench.send(flags=ONE_WAY)
    call = bench.received()
    exchange(bench.server, commands.FreeBuffer(call.buffer))
    return bench.write(commands.FreeBuffer(call.buffer), end=bench.server)


@probe("buffer.free-unread", trap="A program that frees a wrong address loses somebody's transaction.")
def free_unread(bench: Bench) -> object:
    """May a buffer be freed whose transaction was not read?"""
    bench.send(bytes(64), flags=ONE_WAY)
    return bench.write(commands.FreeBuffer(bench.server.mapping), end=bench.server)


@probe("buffer.placement")
def placement(bench: Bench) -> object:
    """Where in the mapping do three one-way payloads of 100 bytes lie?"""
    places = []
    exchange(bench.server, commands.EnterLooper())
    for _ in range(3):
        bench.send(bytes(100), flags=ONE_WAY)
        call = only(returns.Transaction, drain(bench.server))
        places.append(call.buffer - bench.server.mapping)
        exchange(bench.server, commands.FreeBuffer(call.buffer))
    return places


@probe("buffer.placement-held")
def placement_held(bench: Bench) -> object:
    """And three calls of 100 bytes from three threads, none of which is freed?"""
    places = []
    exchange(bench.server, commands.EnterLooper())
    for _ in range(3):
        caller = bench.client.on_new_thread()
        exchange(caller, commands.Transaction(target=0, data_size=100, buffer=bench.page.address))
        taker = bench.server.on_new_thread()
        call = only(returns.Transaction, exchange(taker, commands.EnterLooper()))
        places.append(call.buffer - bench.server.mapping)
    return places


@probe("buffer.empty-placement")
def empty_placement(bench: Bench) -> object:
    """Does a call without data take room: do two of them have different addresses?"""
    exchange(bench.server, commands.EnterLooper())
    places = []
    for _ in range(2):
        exchange(bench.client.on_new_thread(), commands.Transaction(target=0))
        call = only(returns.Transaction, exchange(bench.server.on_new_thread(), commands.EnterLooper()))
        places.append(call.buffer - bench.server.mapping)
    return places
