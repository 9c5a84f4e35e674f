"""The program that answers posts from an export, without this project and without torch.

`export` copies it, and the modules of this project that it imports, beside the files
(``model/export/client_files.py``). It imports numpy, onnxruntime, tokenizers and Pillow.
"""
