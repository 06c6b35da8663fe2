"""html_page.py URL   reads a page with Python's parser; prints its text, and what is wrong with it, as JSON."""
import html.parser
import json
import sys
import urllib.request

VOID = {"meta", "link", "br", "hr", "img", "input"}
FOREIGN = {"script", "link", "img", "iframe", "object", "embed"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.problems, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag in FOREIGN:
            self.problems.append(f"<{tag}>")
        for name, value in attributes:
            if name.startswith("on") or (name in ("href", "src") and "//" in (value or "")):
                self.problems.append(f"{name}={value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}>")

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


page = Page()
with urllib.request.urlopen(sys.argv[1]) as response:
    assert response.headers["Content-Type"] == "text/html; charset=utf-8", response.headers
    page.feed(response.read().decode("utf-8"))
page.close()
page.problems += [f"<{tag}> is not closed" for tag in page.open]
print(json.dumps({"problems": page.problems, "text": " ".join(" ".join(page.text).split())}))
