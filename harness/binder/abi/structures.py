"""The kernel's Binder structures and flags, for 64-bit little-endian processes.

Classes have the kernel's names in Python's spelling; fields keep the kernel's names, nested ones are flat.
Source: include/uapi/linux/android/binder.h and binderfs.h (Linux 6.12, with the freeze notifications).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar

from harness.binder.abi.layout import Address, Structure, s32, structure, u32, u64

BINDERFS_MAX_NAME = 255


class TransactionFlag(IntFlag):
    """enum transaction_flags."""

    TF_ONE_WAY = 0x01
    TF_ROOT_OBJECT = 0x04
    TF_STATUS_CODE = 0x08
    TF_ACCEPT_FDS = 0x10
    TF_CLEAR_BUF = 0x20
    TF_UPDATE_TXN = 0x40


class FlatBinderFlag(IntFlag):
    """enum flat_binder_object_flags."""

    FLAT_BINDER_FLAG_PRIORITY_MASK = 0xFF
    FLAT_BINDER_FLAG_ACCEPTS_FDS = 0x100
    FLAT_BINDER_FLAG_TXN_SECURITY_CTX = 0x1000


def _pack_characters(characters: str) -> int:
    return int.from_bytes(characters.encode() + b"\x85", "big")


class ObjectType(IntEnum):
    """The type word that starts every object in a transaction's data."""

    BINDER_TYPE_BINDER = _pack_characters("sb*")
    BINDER_TYPE_WEAK_BINDER = _pack_characters("wb*")
    BINDER_TYPE_HANDLE = _pack_characters("sh*")
    BINDER_TYPE_WEAK_HANDLE = _pack_characters("wh*")
    BINDER_TYPE_FD = _pack_characters("fd*")
    BINDER_TYPE_FDA = _pack_characters("fda")
    BINDER_TYPE_PTR = _pack_characters("pt*")


class BufferFlag(IntFlag):
    """Flags of a binder_buffer_object."""

    BINDER_BUFFER_FLAG_HAS_PARENT = 0x01


TransactionFlags = Annotated[TransactionFlag, "I"]
FlatBinderFlags = Annotated[FlatBinderFlag, "I"]
BufferFlags = Annotated[BufferFlag, "I"]
TypeWord = Annotated[int, "I", hex]


@structure
class BinderObjectHeader(Structure):
    """The start of every object; `type` is an ObjectType, or a value that the driver refuses."""

    type: TypeWord


@structure
class FlatBinderObject(Structure):
    """A node (`binder`, `cookie`) or a handle (in `binder`'s lower half, as the kernel's union has it)."""

    type: TypeWord
    flags: FlatBinderFlags = FlatBinderFlag(0)
    binder: Address = 0
    cookie: Address = 0

    @property
    def handle(self) -> int:
        """The union's other member."""
        return self.binder & 0xFFFF_FFFF


@structure
class BinderFdObject(Structure):
    """A file descriptor."""

    type: TypeWord
    pad_flags: u32
    fd: u32
    cookie: u64 = 0


@structure
class BinderBufferObject(Structure):
    """Memory that the driver copies with the data (scatter-gather); `parent` is an index into the offsets."""

    type: TypeWord
    flags: BufferFlags = BufferFlag(0)
    buffer: Address = 0
    length: u64 = 0
    parent: u64 = 0
    parent_offset: u64 = 0


@structure
class BinderFdArrayObject(Structure):
    """File descriptors inside a buffer object (`parent`, an index into the offsets)."""

    type: TypeWord
    pad: u32
    num_fds: u64
    parent: u64
    parent_offset: u64


@structure
class BinderWriteRead(Structure):
    """The argument of BINDER_WRITE_READ; sizes in bytes."""

    write_size: u64 = 0
    write_consumed: u64 = 0
    write_buffer: Address = 0
    read_size: u64 = 0
    read_consumed: u64 = 0
    read_buffer: Address = 0


@structure
class BinderVersion(Structure):
    """The result of BINDER_VERSION."""

    protocol_version: s32 = 0


@structure
class BinderNodeDebugInfo(Structure):
    """One local node, the next after `ptr`; a result with `ptr` 0 ends the list."""

    ptr: Address = 0
    cookie: Address = 0
    has_strong_ref: u32 = 0
    has_weak_ref: u32 = 0


@structure
class BinderNodeInfoForRef(Structure):
    """Reference counts of the node behind a handle; only for the context manager."""

    handle: u32
    strong_count: u32 = 0
    weak_count: u32 = 0
    reserved1: u32 = 0
    reserved2: u32 = 0
    reserved3: u32 = 0


@structure
class BinderFreezeInfo(Structure):
    """The argument of BINDER_FREEZE."""

    pid: u32
    enable: u32
    timeout_ms: u32


@structure
class BinderFrozenStatusInfo(Structure):
    """What a frozen process received: `sync_recv` bit 0 a call since, bit 1 a call pending while freezing."""

    pid: u32
    sync_recv: u32 = 0
    async_recv: u32 = 0


@structure
class BinderFrozenStateInfo(Structure):
    """The parameter of BR_FROZEN_BINDER."""

    cookie: Address
    is_frozen: u32
    reserved: u32 = 0


@structure
class BinderExtendedError(Structure):
    """The thread's last failure: the transaction's debug id, the BR_ command, and a negative errno."""

    id: u32 = 0
    command: Annotated[int, "I", hex] = 0
    param: s32 = 0


@structure
class BinderTransactionData(Structure):
    """A transaction or a reply; `target` is a handle when sent, a node's ptr when received."""

    target: Address = 0
    cookie: Address = 0
    code: u32 = 0
    flags: TransactionFlags = TransactionFlag(0)
    sender_pid: s32 = 0
    sender_euid: u32 = 0
    data_size: u64 = 0
    offsets_size: u64 = 0
    buffer: Address = 0
    offsets: Address = 0


@structure
class BinderTransactionDataSecctx(BinderTransactionData):
    """A received transaction with the address of the sender's security context, a NUL-terminated string."""

    secctx: Address = 0


@structure
class BinderTransactionDataSg(BinderTransactionData):
    """A transaction with buffer objects: `buffers_size` is their sum, each rounded up to 8 bytes."""

    buffers_size: u64 = 0


@structure
class BinderPtrCookie(Structure):
    """A local node."""

    ptr: Address
    cookie: Address


@structure
class BinderHandleCookie(Structure):
    """A handle, and the cookie of notifications about it."""

    PACKED: ClassVar[bool] = True
    handle: u32
    cookie: Address


@structure
class BinderPriDesc(Structure):
    """The parameter of BC_ATTEMPT_ACQUIRE, which no driver supports."""

    priority: s32
    desc: u32


@structure
class BinderPriPtrCookie(Structure):
    """The parameter of BR_ATTEMPT_ACQUIRE, which no driver sends."""

    priority: s32
    ptr: Address
    cookie: Address


@structure
class BinderfsDevice(Structure):
    """The argument of BINDER_CTL_ADD: a NUL-terminated name in, the new node's device number out."""

    name: Annotated[bytes, f"{BINDERFS_MAX_NAME + 1}s"]
    major: u32 = 0
    minor: u32 = 0
