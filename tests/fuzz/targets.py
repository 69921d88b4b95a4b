"""All that is fuzzed."""

from __future__ import annotations

from tests.fuzz import agent_sessions, channel_sessions, dumps, files, kernel, wire
from tests.fuzz.sanitizers import build_channel_server, build_syscall_agent
from tests.fuzz.target import Agent

TARGETS = (*kernel.TARGETS, *dumps.TARGETS, *wire.TARGETS, *files.TARGETS)
AGENTS = (
    Agent("syscall_agent", build_syscall_agent, agent_sessions.session),
    Agent("channel_server", build_channel_server, channel_sessions.session),
)
