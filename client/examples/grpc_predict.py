"""Ask the edge about one image by gRPC: needs grpcio and protobuf, and inference_pb2.py beside this file.

python client/examples/grpc_predict.py cell.png
"""

import argparse
import json
import os
from pathlib import Path

import grpc
import inference_pb2

PREDICTIONS = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
# An answer is small, and a request is as large as its image: grpcio itself limits only what is received.
TIMEOUT_S = 30


def main() -> None:
    """Print the answer, or what the edge says instead of one."""
    options = _options()
    request = inference_pb2.PredictionsRequest(
        model_name=options.model, model_version=options.version, input={"data": options.image.read_bytes()}
    )
    # The same headers as by HTTP; gRPC calls them metadata.
    metadata = [("x-user-id", options.user)] if options.user else []
    metadata += [("x-api-key", os.environ["API_KEY"])] if "API_KEY" in os.environ else []
    with _channel(options.address, options.certificate) as channel:
        ask = channel.unary_unary(
            PREDICTIONS,
            request_serializer=inference_pb2.PredictionsRequest.SerializeToString,
            response_deserializer=inference_pb2.PredictionResponse.FromString,
        )
        try:
            response = ask(request, metadata=metadata, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise SystemExit(f"{error.code().name}: {error.details()}") from None
    answer = json.loads(response.prediction)
    for prediction in answer["predictions"]:
        print(f"{prediction['probability']:8.2%}  {prediction['label']}")
    print(f"{answer['model']} {answer['version']}, request {answer['request_id']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Ask the edge about one image by gRPC; API_KEY holds the key.")
    parser.add_argument("image", type=Path)
    parser.add_argument("--address", default="127.0.0.1:8000", help="host:port of the edge")
    parser.add_argument("--model", default="mobilenet_v3", help="the served name")
    parser.add_argument("--version", default="", help="pin a version; default: whichever the split gives")
    parser.add_argument("--user", help="the same user meets the same version")
    parser.add_argument("--certificate", type=Path, help="of an edge that speaks TLS: the PEM file to trust")
    return parser.parse_args()


def _channel(address: str, certificate: Path | None) -> grpc.Channel:
    if certificate is None:
        return grpc.insecure_channel(address)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate.read_bytes()))


if __name__ == "__main__":
    main()
