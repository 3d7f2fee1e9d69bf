"""Compares claims about libraries with the libraries of the interpreter that runs this (no import of chanlint needed).

Reads claims as JSON from standard input: objects with ``name`` (dotted), perhaps ``method``, ``refs`` (keyword, position,
rest) and ``rest_kwargs``.
Writes ``{"problems": [...], "missing": [...], "checked": n}``; ``missing`` lists top-level modules that cannot be imported.
"""

import importlib
import inspect
import json
import sys
import warnings

# Where the classes are whose documented name is a factory's.
CLASSES = {
    "multiprocessing.Queue": "multiprocessing.queues.Queue",
    "multiprocessing.JoinableQueue": "multiprocessing.queues.JoinableQueue",
    "multiprocessing.SimpleQueue": "multiprocessing.queues.SimpleQueue",
    "multiprocessing.Event": "multiprocessing.synchronize.Event",
    "multiprocessing.Lock": "_multiprocessing.SemLock",
    "multiprocessing.RLock": "_multiprocessing.SemLock",
    "multiprocessing.Semaphore": "multiprocessing.synchronize.Semaphore",
    "multiprocessing.BoundedSemaphore": "multiprocessing.synchronize.BoundedSemaphore",
    "multiprocessing.Condition": "multiprocessing.synchronize.Condition",
    "multiprocessing.Barrier": "multiprocessing.synchronize.Barrier",
    "multiprocessing.managers.SyncManager.Queue": "queue.Queue",
    "multiprocessing.managers.SyncManager.Event": "threading.Event",
    "multiprocessing.managers.SyncManager.Lock": "_thread.LockType",
    "multiprocessing.managers.SyncManager.Condition": "threading.Condition",
    "multiprocessing.managers.SyncManager.Barrier": "threading.Barrier",
    "multiprocessing.context.BaseContext": "multiprocessing.context.DefaultContext",
    "threading.Lock": "_thread.LockType",
    "threading.RLock": "threading._PyRLock",
}


def resolve(dotted):
    """The object behind a dotted name: its longest importable prefix, then attributes."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part)
        return thing
    raise LookupError(parts[0])


def parameters(thing, is_method):
    """The parameters that a caller gives, or None where Python cannot tell."""
    try:
        found = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return None
    bound = inspect.ismethod(thing) or inspect.isbuiltin(thing) or inspect.isclass(thing)
    return found[1:] if is_method and not bound else found


def check_ref(found, keyword, position, rest):
    """What is wrong about one argument reference, or None."""
    positional = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in found)
    if rest:
        return None if takes_any and len(positional) <= position else f"no *args from {position} on"
    if position is None:
        named = [p.name for p in found if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
        takes_names = any(p.kind is p.VAR_KEYWORD for p in found)
        return None if keyword in named or takes_names else f"no parameter {keyword}"
    if position >= len(positional):
        return None if takes_any and keyword is None else f"no parameter at {position}"
    real = positional[position]
    if keyword is None:
        return None
    if real.name != keyword or real.kind is real.POSITIONAL_ONLY:
        return f"parameter {position} is {real.name} ({real.kind.name}), not {keyword}"
    return None


def check(claim):
    """Problems of one claim."""
    name, method = claim["name"], claim.get("method")
    thing = resolve(CLASSES.get(name, name) if method else name)
    if method:
        thing = getattr(thing, method)
    found = parameters(thing, bool(method))
    if found is None:
        return []
    wrong = [check_ref(found, *ref) for ref in claim["refs"]]
    if claim["rest_kwargs"] and not any(p.kind is p.VAR_KEYWORD for p in found):
        wrong.append("takes no **kwargs")
    return [problem for problem in wrong if problem]


def main():
    """Check all claims of standard input."""
    warnings.simplefilter("ignore")
    problems, missing, checked = [], set(), 0
    for claim in json.load(sys.stdin):
        label = claim["name"] + ("." + claim["method"] if claim.get("method") else "")
        top = label.partition(".")[0]
        try:
            importlib.import_module(top)
        except Exception:
            missing.add(top)
            continue
        try:
            problems += [f"{label}: {problem}" for problem in check(claim)]
            checked += 1
        except AttributeError as error:
            problems.append(f"{label}: does not exist ({error})")
    json.dump({"problems": problems, "missing": sorted(missing), "checked": checked}, sys.stdout)


if __name__ == "__main__":
    main()
