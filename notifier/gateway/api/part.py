"""The HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter

from notifier.gateway.part import Gateway


@asynccontextmanager
async def part(gateway: Gateway) -> AsyncIterator[APIRouter]:
    yield APIRouter()
