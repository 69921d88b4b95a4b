"""Binder in Python: the driver's interface, its commands and parcels, and processes that use them."""

from harness.binder.abi.objects import Node
from harness.binder.driver.payload import RemotePayload
from harness.binder.endpoint import Binder
from harness.binder.errors import (
    BinderError,
    DeadObjectError,
    FrozenError,
    ParcelError,
    RemoteError,
    StatusError,
    TransactionFailedError,
    TransactionTooLargeError,
    UnknownHandleError,
)
from harness.binder.pair import Pair, open_ends, open_pair
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.services.interface import Interface
from harness.binder.services.service import Service, open_service
from harness.binder.services.service_manager import ServiceManager
from harness.binder.serving.call import Call

__all__ = [
    "Binder",
    "BinderError",
    "Call",
    "DeadObjectError",
    "FrozenError",
    "Interface",
    "Node",
    "Pair",
    "Parcel",
    "ParcelError",
    "ParcelReader",
    "RemoteError",
    "RemotePayload",
    "Service",
    "ServiceManager",
    "StatusError",
    "TransactionFailedError",
    "TransactionTooLargeError",
    "UnknownHandleError",
    "WireFormat",
    "open_ends",
    "open_pair",
    "open_service",
]
