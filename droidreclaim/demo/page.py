from droidreclaim.demo.result import Demo
def render(demo: Demo) -> str:
    raise NotImplementedError
