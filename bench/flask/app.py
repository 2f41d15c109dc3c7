"""The service that Omen replaces, rewritten for comparison: a dense autoencoder
(41 features min-max scaled, 64-32-16-32-64, tanh) behind POST /predict. The
weights are random: only the cost of a request is measured. The forward pass is
numpy's, one product per layer, which costs less than a deep-learning library's
predict() for one row."""
import numpy as np
from flask import Flask, jsonify, request

WIDTHS = (64, 32, 16, 32, 64)
app = Flask(__name__)
rng = np.random.default_rng(1)
layers = {}


def network(width):
    if width not in layers:
        sizes = (width, *WIDTHS, width)
        layers[width] = [(rng.normal(size=(a, b)) / a**0.5, np.zeros(b)) for a, b in zip(sizes, sizes[1:])]
    return layers[width]


@app.post("/predict")
def predict():
    given = request.get_json()["features"]
    x = np.array([np.nan if v is None else v for _, v in sorted(given.items())], dtype=float)
    x = np.clip(np.nan_to_num(x) / (1 + np.abs(np.nan_to_num(x))), 0, 1)
    y = x
    net = network(len(x))
    for i, (w, b) in enumerate(net):
        y = y @ w + b
        if i < len(net) - 1:
            y = np.tanh(y)
    error = float(np.mean((x - y) ** 2))
    return jsonify(reconstruction_error=error, anomaly_detected=error > 0.5)
