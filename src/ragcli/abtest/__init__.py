"""Two configurations, or several, held against each other: offline on the same questions, online on split traffic."""
