"""FastAPI + ONNX Runtime + Pillow, two uvicorn processes; blocking work in the thread pool, as FastAPI advises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from benchmarks.peers.pipeline import Classifier


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model once a process."""
    app.state.classifier = Classifier()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer as soon as the model is loaded."""
    return {"status": "ready"}


@app.post("/predict")
async def predict(request: Request) -> dict[str, Any]:
    """Classify the body."""
    body = await request.body()
    return await run_in_threadpool(request.app.state.classifier.classify, body)
