"""The app as a Hugging Face Space; `python app.py` shows it on this machine, too."""

import kfusion
from kfusion.integrations.gradio_app import LAUNCH, build_app

app = build_app(kfusion.load())

if __name__ == "__main__":
    app.launch(**LAUNCH)
