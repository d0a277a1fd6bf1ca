"""stub"""
def outlined(module, found, note): return module
