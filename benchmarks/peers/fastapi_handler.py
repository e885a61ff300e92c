"""FastAPI calling the product's own handler, two uvicorn processes: what TorchServe costs is the difference."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import torch
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from handler.request import Request as Row
from handler.service import Service
from handler.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the archive once a process, with the settings that its worker would have."""
    settings = Settings.from_environment(os.environ)
    torch.set_num_threads(settings.threads)
    app.state.service = Service.load(Path(os.environ["BENCH_ARCHIVE"]), settings)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer as soon as the model is loaded."""
    return {"status": "ready"}


@app.post("/predict")
async def predict(request: Request) -> Response:
    """Classify the body; a batch of one, since FastAPI does not batch."""
    row = Row({"body": await request.body()}, dict(request.headers))
    replies, _ = await run_in_threadpool(request.app.state.service.reply_all, [row])
    return Response(replies[0].body, replies[0].status, media_type="application/json")
