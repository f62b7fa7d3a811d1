"""Mark the defects in a photo: python predict.py MODEL.onnx PHOTO MASK.png (from export --normalise --sigmoid)."""

import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1])
about = session.get_modelmeta().custom_metadata_map
photo, size = Image.open(sys.argv[2]).convert("RGB"), int(about["image_size"])
pixels = np.asarray(photo.resize((size, size), Image.Resampling.BILINEAR))[None]
(probabilities,) = session.run(None, {"images": pixels})
resized = Image.fromarray(probabilities[0, 0]).resize(photo.size, Image.Resampling.BILINEAR)
Image.fromarray(np.asarray(resized) >= float(about["threshold"])).save(sys.argv[3])
